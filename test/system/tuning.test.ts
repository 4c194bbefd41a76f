import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { ServerProcess } from '../robustness/server-process.ts'

const system = (file: string) => new URL(`../../src/system/${file}`, import.meta.url).href

/** In a process of its own, because it is for the life of one. */
const script = `
import { callLibc } from '${system('call-libc.ts')}'
import { keepHeapSmall } from '${system('keep-heap-small.ts')}'
import { turnTuningOff } from '${system('tuning.ts')}'
import { YoungGarbage } from '${system('young-garbage.ts')}'
turnTuningOff()
keepHeapSmall(false)
new YoungGarbage(1).add(2)
console.log(JSON.stringify([callLibc('abs', -7) ?? null, typeof globalThis.gc]))
`

it('without tuning, neither the system nor V8 is asked for anything', async () => {
  const args = ['--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(JSON.parse(stdout)).toEqual([null, 'undefined'])
})

it('a server without tuning stores and serves', async () => {
  const server = await ServerProcess.start(await temporaryDirectory(), ['--tuning', 'off'])
  const body = Buffer.alloc(3_000_000, 'x')
  expect((await request(server, 'PUT', '/files/a', { body })).status).toBe(201)
  const answer = await request(server, 'GET', '/files/a')
  expect(answer.body.equals(body)).toBe(true)
  await server.terminate()
  expect(await server.exited).toBe(0)
})
