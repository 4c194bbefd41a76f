import { expect, it } from 'vitest'
import { eventually } from '../../robustness/eventually.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { ServerProcess } from '../../robustness/server-process.ts'
import { request } from '../../support/http-request.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { infoIn, KiB, sample } from '../../http/sample.ts'
import { append, stateOf } from './draft-client.ts'

const bytes = sample(300 * KiB)

it('what was durable can be continued after the server was killed, under the terms of the first request', async () => {
  const directory = await temporaryDirectory()
  const args = ['--chunk-size', '64KiB']
  const killed = await ServerProcess.start(directory, args)
  const client = await RawClient.open(killed.port)
  const fields = ['Upload-Complete: ?1', 'Upload-Draft-Interop-Version: 8', 'If-None-Match: *']
  await client.send(head('PUT /files/survivor.txt', ...fields, `Content-Length: ${bytes.length}`))
  await client.send(bytes.subarray(0, 200 * KiB))
  const path = (await client.answer()).headers['location']!
  await eventually(async () => {
    const answer = await request(killed, 'GET', '/api/uploads')
    expect(answer.json()).toMatchObject({ uploads: [{ offset: 192 * KiB }] })
  })
  await killed.kill()
  client.socket.destroy()

  const server = await ServerProcess.start(directory, args)
  expect(await stateOf(server, path)).toEqual([String(192 * KiB), String(bytes.length), '?0'])
  await request(server, 'PUT', '/files/survivor.txt', { body: 'in the way' })
  const rest = bytes.subarray(192 * KiB)
  expect((await append(server, path, 192 * KiB, rest, true)).status).toBe(412)
  await request(server, 'DELETE', '/files/survivor.txt')
  const answer = await append(server, path, 192 * KiB, rest, true)
  expect(answer.status).toBe(201)
  expect(infoIn(answer)).toMatchObject({ name: 'survivor.txt', mediaType: 'text/plain', size: bytes.length })
  expect((await request(server, 'GET', '/files/survivor.txt')).body.equals(bytes)).toBe(true)
})
