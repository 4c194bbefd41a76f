import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { openIdentityObject } from '../../../src/chunks/s3/identity-object.ts'

/** A bucket that knows conditions, in which there is nothing at first, or one that refuses all. */
async function identityIn({ refuses = false } = {}) {
  let stored: Buffer | undefined
  const asked: string[] = []
  const answer = async (req: http.IncomingMessage, res: http.ServerResponse) => {
    asked.push(`${req.method} ${req.url?.replace(/\?.*/, '')}`)
    const body = await buffer(req)
    const fail = (status: number, code: string) =>
      res
        .writeHead(status)
        .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>so</Message></Error>`)
    if (refuses) fail(403, 'AccessDenied')
    else if (req.method === 'PUT') {
      if (stored && req.headers['if-none-match'] === '*') fail(412, 'PreconditionFailed')
      else {
        stored = body
        res.end()
      }
    } else if (!stored) fail(404, 'NoSuchKey')
    else res.writeHead(206, { 'Content-Range': `bytes 0-${stored.length - 1}/${stored.length}` }).end(stored)
  }
  const listener = http.createServer((req, res) => void answer(req, res))
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  const identity = await openIdentityObject({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    bucket: 'bucket',
    prefix: 'files/',
    isPathStyle: true,
    credentials: { accessKeyId: 'access', secretAccessKey: 'secret' },
  })
  onTestFinished(() => {
    identity.close()
    listener.close()
    listener.closeAllConnections()
  })
  return { identity, asked }
}

it('the identity of a store in a bucket is created once, and later attempts leave it alone', async () => {
  const { identity, asked } = await identityIn()
  expect(await identity.read()).toBeUndefined()
  await identity.create('first')
  await identity.create('second')
  expect(await identity.read()).toBe('first')
  expect(new Set(asked)).toEqual(
    new Set(['GET /bucket/files/ashlar-store.json', 'PUT /bucket/files/ashlar-store.json']),
  )
})

it('an identity that may not be read is not taken for none', async () => {
  const { identity } = await identityIn({ refuses: true })
  await expect(identity.read()).rejects.toMatchObject({ code: 'internal' })
  await expect(identity.create('x')).rejects.toMatchObject({ code: 'internal' })
})
