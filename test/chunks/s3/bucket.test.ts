import { once } from 'node:events'
import http, { type OutgoingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Bucket } from '../../../src/chunks/s3/bucket.ts'
import { createClient } from '../../../src/chunks/s3/create-client.ts'
import { s3Error } from '../../../src/chunks/s3/s3-error.ts'

interface Answer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

/** A bucket behind something that answers so, whatever it is asked. */
async function bucketBehind({ status, headers = {}, body = '' }: Answer): Promise<Bucket> {
  const listener = http.createServer((req, res) => {
    req.resume().once('end', () => res.writeHead(status, headers).end(body))
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  const credentials = { accessKeyId: 'access', secretAccessKey: 'secret' }
  const options = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    isPathStyle: true,
    credentials,
  }
  const bucket = new Bucket(createClient(options, 4), 'bucket')
  onTestFinished(() => {
    bucket.close()
    listener.close()
  })
  return bucket
}

const xml = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>so</Message></Error>`

const never = new AbortController().signal
const calls = {
  put: (bucket: Bucket) => bucket.put('key', [Buffer.from('abc')], never),
  get: (bucket: Bucket) => bucket.get('key', 0, 3, never),
  delete: (bucket: Bucket) => bucket.delete('key', never),
  list: (bucket: Bucket) => bucket.list({ prefix: '', signal: never }),
}

describe.each(Object.entries(calls))('%s', (_, call) => {
  it.each([
    { status: 503, body: xml('SlowDown'), code: 'unavailable' },
    { status: 500, body: xml('InternalError'), code: 'unavailable' },
    { status: 502, body: '<html><body><h1>Bad Gateway</h1></body></html>', code: 'unavailable' },
    { status: 504, body: '', code: 'unavailable' },
    { status: 429, body: 'too many', code: 'unavailable' },
    { status: 400, body: xml('RequestTimeout'), code: 'unavailable' },
    { status: 400, body: xml('XAmzContentSHA256Mismatch'), code: 'unavailable' },
    { status: 403, body: xml('QuotaExceeded'), code: 'no_space' },
    { status: 507, body: xml('InsufficientStorage'), code: 'no_space' },
    { status: 507, body: '', code: 'no_space' },
    { status: 403, body: xml('AccessDenied'), code: 'internal' },
    { status: 403, body: '<html>no</html>', code: 'internal' },
    { status: 400, body: xml('InvalidArgument'), code: 'internal' },
    { status: 301, body: xml('PermanentRedirect'), code: 'internal' },
  ])('that is answered with $status and $body is $code, in one line', async ({ code, ...answer }) => {
    const failure = await call(await bucketBehind(answer)).then(
      () => undefined,
      (error: unknown) => s3Error(error, 'Cannot do it'),
    )
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/^Cannot do it: .+HTTP \d+.+\.$/) })
  })

  it('is unavailable if no server listens', async () => {
    const { endpoint, close } = await portThatWasFree()
    await close()
    const credentials = { accessKeyId: 'access', secretAccessKey: 'secret' }
    const options = { endpoint, region: 'us-east-1', isPathStyle: true, credentials }
    const bucket = new Bucket(createClient(options, 4), 'bucket')
    const failure = await call(bucket).then(
      () => undefined,
      (error: unknown) => s3Error(error, 'Cannot do it'),
    )
    expect(failure).toMatchObject({ code: 'unavailable' })
    bucket.close()
  })
})

it('takes for deleted what was gone', async () => {
  const bucket = await bucketBehind({ status: 404, body: xml('NoSuchKey') })
  await expect(bucket.delete('key', never)).resolves.toBeUndefined()
})

it('does not take a whole object for a range of it', async () => {
  const bucket = await bucketBehind({ status: 200, body: 'abcdef' })
  await expect(bucket.get('key', 0, 3, never)).rejects.toMatchObject({ code: 'unavailable' })
})

it('does not take another range for the one that was asked for', async () => {
  const headers = { 'Content-Range': 'bytes 30-32/100' }
  const bucket = await bucketBehind({ status: 206, headers, body: 'abc' })
  await expect(bucket.get('key', 3, 6, never)).rejects.toMatchObject({ code: 'unavailable' })
})

it('does not take part of a listing for all of it', async () => {
  const body = '<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>'
  const bucket = await bucketBehind({ status: 200, body })
  await expect(bucket.list({ prefix: '', signal: never })).rejects.toMatchObject({ code: 'unavailable' })
})

it('leaves a mistake of the program what it is', () => {
  const mistake = new TypeError('a mistake')
  expect(s3Error(mistake, 'Cannot do it')).toBe(mistake)
})

async function portThatWasFree() {
  const listener = http.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, close: () => once(listener.close(), 'close') }
}
