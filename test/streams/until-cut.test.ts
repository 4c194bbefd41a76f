import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { untilCut } from '../../src/streams/until-cut.ts'

const idle = new AbortController().signal

function bodyWith(bytes: string): PassThrough {
  const body = new PassThrough()
  body.write(bytes)
  return body
}

it('a complete body passes whole', async () => {
  const body = bodyWith('all ')
  const { bytes, failure } = untilCut(body, idle)
  body.end('of it')
  expect(await text(bytes)).toBe('all of it')
  expect(failure()).toBeUndefined()
})

describe('a body that is cut off ends with what arrived', () => {
  const broken = new Error('broken')

  it.each([
    ['by an error', (body: PassThrough) => body.destroy(broken), broken],
    ['by an error that does not close it', (body: PassThrough) => body.emit('error', broken), broken],
    ['without a word', (body: PassThrough) => body.destroy(), { code: 'aborted' }],
  ])('%s', async (_, cut, failure) => {
    const body = bodyWith('some')
    const untilEnd = untilCut(body, idle)
    untilEnd.bytes.once('data', () => cut(body))
    expect(await text(untilEnd.bytes)).toBe('some')
    expect(untilEnd.failure()).toMatchObject(failure)
  })

  it('by somebody else', async () => {
    const abort = new AbortController()
    const body = bodyWith('some')
    const { bytes, failure } = untilCut(body, abort.signal)
    bytes.once('data', () => abort.abort())
    expect(await text(bytes)).toBe('some')
    expect(failure()).toMatchObject({ code: 'aborted' })
    expect(body.destroyed).toBe(false)
  })

  it('before it was read', async () => {
    const { bytes, failure } = untilCut(bodyWith('none'), AbortSignal.abort())
    expect(await text(bytes)).toBe('')
    expect(failure()).toMatchObject({ code: 'aborted' })
  })

  it('before anybody listened', async () => {
    const body = bodyWith('none')
    body.once('error', () => {})
    body.destroy(broken)
    await finished(body).catch(() => {})
    const { bytes, failure } = untilCut(body, idle)
    expect(await text(bytes)).toBe('')
    expect(failure()).toBe(broken)
  })
})

it('a complete body is not cut off later', async () => {
  const abort = new AbortController()
  const body = bodyWith('all')
  const { bytes, failure } = untilCut(body, abort.signal)
  body.end()
  expect(await text(bytes)).toBe('all')
  abort.abort()
  body.destroy(new Error('too late'))
  expect(failure()).toBeUndefined()
})

it('what is unlinked can be read by others to its end, and fail, without harm', async () => {
  const body = bodyWith('some')
  const untilEnd = untilCut(body, idle)
  await once(untilEnd.bytes, 'data')
  untilEnd.bytes.pause()
  untilEnd.release()
  expect(body.isPaused()).toBe(true)
  let rest = 0
  body.on('data', (piece: Buffer) => (rest += piece.length)).resume()
  // More than fits between the two: nobody reads the other one any more.
  for (let times = 0; times < 10; times++) body.write(Buffer.alloc(64 * 1024))
  await expect.poll(() => rest, { interval: 1 }).toBe(640 * 1024)
  body.destroy(new Error('too late'))
  await finished(body).catch(() => {})
  expect(untilEnd.failure()).toBeUndefined()
})
