import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { head, RawClient } from './raw-client.ts'
import { ServerProcess } from './server-process.ts'

const stallTimeoutMs = 800
const piece = Buffer.alloc(1000, 'x')

/**
 * Sends a piece every 50 ms, as a client does that moves, until there were so many or the
 * connection ends.
 */
async function move(client: RawClient, pieces: number): Promise<void> {
  for (let sent = 0; sent < pieces && client.ending === undefined; sent++) {
    client.socket.write(piece)
    await setTimeout(50)
  }
}

/** Stops the process for longer than the stall timeout, and has it go on. */
async function suspend({ child }: ServerProcess): Promise<void> {
  child.kill('SIGSTOP')
  await setTimeout(2 * stallTimeoutMs)
  child.kill('SIGCONT')
}

it('a server that stood still for longer than the stall timeout cuts off only clients that stand still themselves', async () => {
  const server = await ServerProcess.start(await temporaryDirectory(), [
    `--stall-timeout=${stallTimeoutMs}ms`,
    '--headers-timeout=1s',
    '--min-upload-rate=1KiB',
    '--keep-alive-timeout=400ms',
  ])
  const pieces = 60
  const length = `Content-Length: ${pieces * piece.length}`
  const open = async (start: string) => {
    const client = await RawClient.open(server.port)
    await client.send(start)
    return client
  }
  const moving = [
    await open(head('PUT /files/put', length)),
    await open(head('PUT /files/draft', length, 'Upload-Draft-Interop-Version: 8', 'Upload-Complete: ?1')),
  ]
  const stalled = await open(`${head('PUT /files/stalled', length)}x`)
  const idle = await open(head('GET /healthz'))
  const moved = Promise.all(moving.map((client) => move(client, pieces)))
  const slowHead = await open('GET /healthz HTTP/1.1\r\nHost: ')
  // The server has accepted them all, and read what they sent, before it answers another one.
  expect((await idle.answer()).status).toBe(200)
  await idle.send(head('GET /healthz'))
  expect((await idle.answer()).status).toBe(200)
  const suspended = suspend(server)
  await slowHead.send('localhost\r\n\r\n')
  await idle.send(head('GET /healthz'))
  await suspended
  expect((await slowHead.answer()).status).toBe(200)
  expect((await idle.answer()).status).toBe(200)
  await moved
  for (const client of moving) {
    let { status } = await client.answer('PUT')
    while (status < 200) ({ status } = await client.answer('PUT'))
    expect(status).toBe(201)
  }
  expect((await stalled.answer()).status).toBe(408)
  for (const client of [...moving, stalled, idle, slowHead]) client.socket.destroy()
})
