import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { isTuned } from '../../src/system/tuning.ts'
import { boundUnsent } from '../../src/system/bound-unsent.ts'

const MiB = 1024 * 1024
const piece = Buffer.alloc(16 * 1024)

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** Both ends of a connection to a bounded server. The client reads nothing until it is told to. */
async function connected(): Promise<{ readonly served: Socket; readonly client: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  ends.push(() => server[Symbol.asyncDispose]())
  await once(server, 'listening')
  expect(boundUnsent(server)).toBe(process.platform === 'linux')
  const accepted = once(server, 'connection')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  const [served] = (await accepted) as [Socket]
  ends.push(
    () => served.destroy(),
    () => client.destroy(),
  )
  return { served, client }
}

/** Writes pieces as long as the system takes them, and returns how many bytes it has taken. */
async function fill(served: Socket): Promise<number> {
  let taken = 0
  for (;;) {
    const isTaken = await new Promise<boolean>((resolve) => {
      served.write(piece, () => resolve(true))
      setTimeout(() => resolve(false), 300)
    })
    if (!isTaken) return taken
    taken += piece.length
  }
}

describe.runIf(isTuned())('boundUnsent', () => {
  it('has the system take little for a client that reads nothing', async () => {
    const { served } = await connected()
    expect(await fill(served)).toBeLessThan(process.platform === 'linux' ? 2 * MiB : Infinity)
  })

  it('bounds nothing for a client that reads', async () => {
    const { served, client } = await connected()
    let received = 0
    client.on('data', (bytes: Buffer) => {
      received += bytes.length
    })
    client.resume()
    served.end(Buffer.alloc(16 * MiB))
    await once(client, 'end')
    expect(received).toBe(16 * MiB)
  })

  it('says that it could not for a server that does not listen, and says nothing else', () => {
    const warnings: unknown[] = []
    const listen = (warning: unknown) => warnings.push(warning)
    process.on('warning', listen)
    ends.push(() => process.off('warning', listen))
    expect(boundUnsent(createServer())).toBe(false)
    expect(warnings).toEqual([])
  })
})
