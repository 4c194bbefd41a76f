import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { OneBufferAgent } from '../../src/system/one-buffer-agent.ts'

const MiB = 1024 * 1024
const maxSockets = 4

/** Answers `/n` with content of its own, which is `bodies[n]`. */
async function givenServer(sizes: readonly number[]) {
  const bodies = sizes.map((size) => randomBytes(size))
  const connections = new Set<Socket>()
  const server = http.createServer((req, res) => {
    const body = bodies[Number(req.url!.slice(1))]!
    // Both of the ways that a body may come in.
    res.writeHead(200, req.headers['te'] ? {} : { 'Content-Length': body.length })
    res.end(body)
  })
  server.on('connection', (socket) => connections.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new OneBufferAgent({ keepAlive: true, maxSockets })
  onTestFinished(() => {
    agent.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const get = async (nth: number, headers = {}): Promise<IncomingMessage> => {
    const req = http.get({ host: '127.0.0.1', port, path: `/${nth}`, agent, headers })
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    return res
  }
  return { bodies, connections, server, agent, get }
}

async function contentOf(res: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of res) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

it('keeps apart what comes over many connections at once, and uses them again', async () => {
  const sizes = Array.from({ length: 24 }, (_, nth) => (nth % 6) * MiB + nth)
  const { bodies, connections, get } = await givenServer(sizes)
  const contents = await Promise.all(
    sizes.map(async (_, nth) => contentOf(await get(nth, nth % 2 === 0 ? {} : { TE: 'trailers' }))),
  )
  for (const [nth, content] of contents.entries()) expect(content.equals(bodies[nth]!)).toBe(true)
  expect(connections.size).toBe(maxSockets)
})

it('reads more at once than Node does by itself', async () => {
  const { get } = await givenServer([16 * MiB])
  let largest = 0
  for await (const piece of await get(0)) largest = Math.max(largest, (piece as Buffer).length)
  expect(largest).toBeGreaterThan(64 * 1024)
})

it('leaves what is not wanted yet to the sender, and what was read before is not overwritten', async () => {
  const { bodies, connections, get } = await givenServer([64 * MiB, 8 * MiB])
  const slow = await get(0)
  const early: Buffer[] = []
  slow.on('data', (piece: Buffer) => {
    early.push(piece)
    slow.pause()
  })
  await once(slow, 'data')
  const other = await contentOf(await get(1))
  expect(other.equals(bodies[1]!)).toBe(true)
  await nextTurn()
  const soFar = Buffer.concat(early)
  expect(soFar.equals(bodies[0]!.subarray(0, soFar.length))).toBe(true)
  // Nor does anything come behind the back of who has paused.
  expect(soFar.length).toBeLessThan(MiB)
  const [connection] = connections
  expect(connection!.writableLength).toBeGreaterThan(0)
  slow.removeAllListeners('data')
  const rest = await contentOf(slow)
  expect(Buffer.concat([soFar, rest]).equals(bodies[0]!)).toBe(true)
})

it('tells of a connection that breaks in the middle', async () => {
  const { connections, get } = await givenServer([64 * MiB])
  const res = await get(0)
  res.once('data', () => connections.forEach((connection) => connection.destroy()))
  await expect(contentOf(res)).rejects.toMatchObject({ code: 'ECONNRESET' })
})
