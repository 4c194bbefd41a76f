import Koa from 'koa'
import pino from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RequestState } from '../../src/http/server/context.ts'
import { startServer, type RunningServer } from '../../src/http/server/start-server.ts'
import { eventually } from './eventually.ts'
import { head, RawClient } from './raw-client.ts'

const answerBytes = 32 * 1024 * 1024

/** Serves a large answer, an answer that waits until it is unlinked, and a small one. */
async function start() {
  const gate = Promise.withResolvers<void>()
  const app = new Koa<RequestState>()
  let begun = 0
  app.use(async (ctx) => {
    begun += 1
    if (ctx.path === '/gated') await gate.promise
    ctx.body = ctx.path === '/large' ? Buffer.alloc(answerBytes, 'x') : 'small'
  })
  const server: RunningServer = await startServer(app, {
    host: '127.0.0.1',
    port: 0,
    maxHeaderSize: 16 * 1024,
    maxRequests: 1000,
    maxPipelinedRequests: 32,
    minUploadRate: 0,
    maxConnections: 100,
    headersTimeoutMs: 10_000,
    keepAliveTimeoutMs: 60_000,
    stallTimeoutMs: 60_000,
    onCutOff: () => {},
    log: pino({ level: 'silent' }),
  })
  onTestFinished(async () => {
    gate.resolve()
    await server.stop(0)
  })
  const port = Number(new URL(server.url).port)
  const ask = async (path: string) => {
    const client = await RawClient.open(port)
    const wasBegun = begun
    client.socket.pause()
    await client.send(head(`GET ${path}`))
    await eventually(() => expect(begun).toBe(wasBegun + 1))
    return client
  }
  return { server, port, ask, letGo: () => gate.resolve() }
}

describe('a server that is stopped', () => {
  it('ends idle connections at once', async () => {
    const { server, ask } = await start()
    const client = await ask('/small')
    client.socket.resume()
    expect((await client.answer()).body.toString()).toBe('small')
    await server.stop(60_000)
    await client.ended()
  })

  it('lets an answer finish, says that it is the last, and ends the connection', async () => {
    const { server, ask, letGo } = await start()
    const client = await ask('/gated')
    client.socket.resume()
    const stopped = server.stop(60_000)
    letGo()
    const { headers, body } = await client.answer()
    expect(headers['connection']).toBe('close')
    expect(body.toString()).toBe('small')
    await stopped
    await client.ended()
  })

  it('sends all of an answer that a slow client has not taken yet', async () => {
    const { server, ask } = await start()
    const client = await ask('/large')
    const stopped = server.stop(60_000)
    client.socket.resume()
    expect((await client.answer()).body).toHaveLength(answerBytes)
    await stopped
    await client.ended()
  })

  it('takes no new connection', async () => {
    const { server, port, ask, letGo } = await start()
    await ask('/gated')
    const stopped = server.stop(60_000)
    await expect(RawClient.open(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    letGo()
    await stopped
  })

  it('cuts off what is not done in time, and waits until it has been cleaned up', async () => {
    const { server, ask, letGo } = await start()
    const client = await ask('/gated')
    client.socket.resume()
    let hasStopped = false
    const stop = async () => {
      await server.stop(1)
      hasStopped = true
    }
    const stopped = stop()
    await client.ended()
    expect(hasStopped).toBe(false)
    letGo()
    await stopped
  })
})
