import { beforeAll, describe, expect, it } from 'vitest'
import { openRequest } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { refused } from './refused.ts'
import { boundary, fieldPart, filePart, form, post } from './form.ts'
import { given, inPieces, KiB, MiB, sample } from './sample.ts'
import { settled } from './settled.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer({ maxFormFiles: 3, maxFileSize: 4 * MiB })
  await given(server, 'there', 'as it was')
  return server.stop
})

const good = filePart('there', sample(300 * KiB))
const whole = form([good])
const encoded = (coding: string) => ({
  head: [...filePart('coded', '').head, `Content-Transfer-Encoding: ${coding}`],
  content: 'YQ==',
})

describe('a form', () => {
  it.each([
    ['without a file', form([fieldPart('a', 'b')]), 'invalid_request'],
    ['without a part', Buffer.from(`--${boundary}--\r\n`), 'invalid_request'],
    ['with a bad name, behind a good one', form([good, filePart('..', 'x')]), 'invalid_name'],
    ['with a bad name, before a good one', form([filePart('a//b', sample(MiB)), good]), 'invalid_name'],
    ['with content without a name', form([good, filePart('', 'x')]), 'invalid_name'],
    [
      'with a name that is not UTF-8',
      Buffer.concat([form([good]).subarray(0, -4), latin1Part()]),
      'invalid_name',
    ],
    ['with a part in base64', form([good, encoded('base64')]), 'invalid_request'],
    ['with a part in a coding of its own', form([good, encoded('x-own')]), 'invalid_request'],
    ['that ends in a file', whole.subarray(0, 1000), 'invalid_request'],
    ['that ends in a header', whole.subarray(0, 40), 'invalid_request'],
    ['that ends before its last boundary', whole.subarray(0, -20), 'invalid_request'],
    ['of nothing but noise', sample(100 * KiB), 'invalid_request'],
    ['with a header that is none', form([{ head: ['no header at all'], content: 'x' }]), 'invalid_request'],
    ['of no bytes', Buffer.alloc(0), 'invalid_request'],
  ])('%s is refused', async (_, body, code) => {
    expect(await refused(server, () => post(server, body))).toMatchObject({ refusal: [400, code] })
    expect(await refused(server, () => post(server, inPieces(body, 3000)))).toMatchObject({
      refusal: [400, code],
    })
  })

  it.each([
    ['with more files than one may have', form([1, 2, 3, 4].map((n) => filePart(`${n}`, sample(200 * KiB))))],
    ['with more files than one may have, all empty', form([1, 2, 3, 4].map((n) => filePart(`${n}`, '')))],
    ['with a file that is too large', form([good, filePart('large', sample(5 * MiB))])],
    ['with fields that are too large', form([good, fieldPart('f', 'x'.repeat(70_000))])],
    ['with too many fields', form([good, ...Array.from({ length: 1001 }, () => fieldPart('f', 'x'))])],
  ])('%s is refused', async (_, body) => {
    expect(await refused(server, () => post(server, body))).toMatchObject({ refusal: [413, 'too_large'] })
  })

  it('with as many files as one may have is taken', async () => {
    const parts = ['there', 'x', 'y'].map((name) => filePart(name, 'x'))
    expect((await post(server, form(parts))).status).toBe(201)
  })

  it.each([
    ['of one part', [filePart('n'.repeat(200 * KiB), 'x')]],
    ['that never end', [{ head: Array.from({ length: 60_000 }, () => 'a: b'), content: 'x' }]],
    ['behind a file', [good, filePart('n'.repeat(8 * MiB), 'x')]],
  ])('with headers %s that are too long is refused', async (_, parts) => {
    expect(await refused(server, () => post(server, form(parts)))).toMatchObject({
      refusal: [400, 'invalid_request'],
    })
  })

  it('that breaks off leaves nothing behind', async () => {
    const before = await settled(server)
    const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
    async function* body() {
      yield whole.subarray(0, 200 * KiB)
      await expect.poll(() => server.store.pool.leasedBytes, { interval: 5 }).toBeGreaterThan(0)
      throw new Error('the client gives up')
    }
    const sent = openRequest(server, 'POST', '/files', { headers, body: body() })
    await expect(sent).rejects.toThrow('the client gives up')
    expect(await settled(server)).toEqual(before)
  })
})

describe('what is no form', () => {
  it.each([
    ['text', 'text/plain'],
    ['a form of another kind', 'application/x-www-form-urlencoded'],
    ['parts that are no form', `multipart/mixed; boundary=${boundary}`],
  ])('%s is refused', async (_, contentType) => {
    const headers = { Expect: '100-continue', 'Content-Length': whole.length }
    const send = () => post(server, whole, contentType, headers)
    const answer = await refused(server, send)
    expect(answer).toMatchObject({
      refusal: [415, 'unsupported_media_type'],
      isContinued: false,
      headers: { 'accept-post': 'multipart/form-data' },
    })
  })

  it('a form that does not say what its boundary is', async () => {
    expect(await refused(server, () => post(server, whole, 'multipart/form-data'))).toMatchObject({
      refusal: [400, 'invalid_request'],
    })
  })
})

/** Another part, and the end of the form. */
function latin1Part(): Buffer {
  const { head } = filePart('caf\xe9', '')
  return Buffer.from(`\r\n${head.join('\r\n')}\r\n\r\nx\r\n--${boundary}--\r\n`, 'latin1')
}
