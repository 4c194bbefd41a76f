import { afterEach, describe, expect, it } from 'vitest'
import { isTuned } from '../../src/system/tuning.ts'
import { callLibc } from '../../src/system/call-libc.ts'

const warnings: unknown[] = []
const listen = (warning: unknown) => warnings.push(warning)
process.on('warning', listen)
afterEach(() => {
  warnings.length = 0
})

describe.runIf(isTuned())('callLibc', () => {
  it('passes numbers and buffers, returns a number, and warns of nothing', async () => {
    expect(callLibc('memcmp', Buffer.from('same'), Buffer.from('same'), 4)).toBe(0)
    expect(callLibc('memcmp', Buffer.from('same'), Buffer.from('some'), 1n)).toBe(0)
    expect(callLibc('abs', -7)).toBe(7)
    await new Promise(setImmediate)
    expect(warnings).toEqual([])
  })

  it('says that there is no such function', () => {
    expect(callLibc('no_such_function_of_ashlar', 1)).toBeUndefined()
  })

  it('leaves later warnings to be heard', async () => {
    callLibc('abs', 1)
    process.emitWarning('heard', 'TestWarning')
    await new Promise(setImmediate)
    expect(warnings).toMatchObject([{ name: 'TestWarning', message: 'heard' }])
  })
})
