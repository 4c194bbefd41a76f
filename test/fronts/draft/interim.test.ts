import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { expect, it, onTestFinished } from 'vitest'
import type { HttpContext, RequestState } from '../../../src/http/server/context.ts'
import { sendInterim } from '../../../src/fronts/draft/interim.ts'
import { draft } from './draft-client.ts'

/** Serves one request with `handle`. */
async function answering(handle: (ctx: HttpContext) => void): Promise<void> {
  const app = new Koa<RequestState>()
  app.use((ctx) => {
    handle(ctx)
    ctx.body = 'done'
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  expect((await draft({ port }, 'PUT', '/')).status).toBe(200)
}

it('is sent again once the last one has left, so that they never pile up', async () => {
  const wasSent: boolean[] = []
  await answering((ctx) => {
    const { socket } = ctx.req
    socket.cork()
    for (let times = 0; times < 3; times++) wasSent.push(sendInterim(ctx, {}))
    socket.uncork()
    wasSent.push(sendInterim(ctx, {}))
  })
  expect(wasSent).toEqual([true, false, false, true])
})

it('is not sent behind the head of the answer', async () => {
  let wasSent: boolean | undefined
  await answering((ctx) => {
    ctx.status = 200
    ctx.flushHeaders()
    wasSent = sendInterim(ctx, {})
  })
  expect(wasSent).toBe(false)
})
