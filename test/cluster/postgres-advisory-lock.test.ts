import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { tryAcquireLock } from '../../src/catalog/postgres/advisory-lock.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { patiently, PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

it('is held by one at a time, for each name and each catalog', async () => {
  const [url, other] = [await server.createSchema(), await server.createSchema()]
  const held = (await tryAcquireLock(url, 'scrub'))!
  expect(held.signal.aborted).toBe(false)
  expect(await tryAcquireLock(url, 'scrub')).toBeUndefined()
  for (const [where, name] of [
    [url, 'collect'],
    [other, 'scrub'],
  ] as const) {
    await (await tryAcquireLock(where, name))!.release()
  }
  await held.release()
  expect(held.signal.aborted).toBe(true)
  const next = (await tryAcquireLock(url, 'scrub'))!
  await next.release()
  await next.release()
})

it('is lost with its connection, and who had it knows', async () => {
  const url = await server.createSchema()
  const held = (await tryAcquireLock(url, 'scrub'))!
  await server.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()`,
  )
  await expect.poll(() => held.signal.aborted, patiently).toBe(true)
  expect(held.signal.reason).toMatchObject({ code: 'unavailable' })
  await held.release()
  await (await tryAcquireLock(url, 'scrub'))!.release()
})

it('is lost when no answer comes through any more, and can be released all the same', async () => {
  const proxy = await CuttingProxy.start(server.port)
  onTestFinished(() => proxy.stop())
  const url = new URL(await server.createSchema())
  url.port = String(proxy.port)
  const held = (await tryAcquireLock(url.href, 'scrub', { beatMs: 300 }))!
  proxy.stall()
  await expect.poll(() => held.signal.aborted, patiently).toBe(true)
  expect(held.signal.reason).toMatchObject({ code: 'unavailable' })
  await held.release()
})

it('cannot be had where there is no database', async () => {
  const missing = tryAcquireLock(server.url({ database: 'missing' }), 'scrub')
  await expect(missing).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('create it'),
  })
  const refused = tryAcquireLock('postgres://a:b@127.0.0.1:1/c', 'scrub')
  await expect(refused).rejects.toMatchObject({ code: 'unavailable' })
})
