import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../../src/config/config.ts'
import { listen, tryToListen } from '../../../src/http/server/listen.ts'
import { outcomeOf } from '../../catalog/fixtures.ts'

async function busyPort(): Promise<number> {
  const server = createServer()
  await listen(server, { host: '127.0.0.1', port: 0 })
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

it('a port that is in use is refused before anything is opened, and free again when it was only tried', async () => {
  const port = await busyPort()
  expect(await outcomeOf(tryToListen({ host: '127.0.0.1', port }))).toBe('unavailable')
  expect(await outcomeOf(listen(createServer(), { host: '127.0.0.1', port }))).toBe('unavailable')
  expect(await outcomeOf(tryToListen({ host: '127.0.0.1', port: 0 }))).toBe('done')
  const server = createServer()
  await listen(server, { host: '127.0.0.1', port: 0 })
  const { port: freed } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  expect(await outcomeOf(tryToListen({ host: '127.0.0.1', port: freed }))).toBe('done')
  expect(await outcomeOf(tryToListen({ host: '127.0.0.1', port: freed }))).toBe('done')
})

it('an address that is not of this machine is refused', async () => {
  expect(await outcomeOf(tryToListen({ host: '192.0.2.1', port: 8080 }))).toBe('unavailable')
})

it('an argument that npm has taken the flag from is refused with the way around it', () => {
  expect(() => readConfig(['9000'], { npm_lifecycle_event: 'start' })).toThrow(/npm start -- --port/)
  expect(() => readConfig(['9000'], {})).toThrow(/too many arguments/)
  expect(() => readConfig(['9000'], {})).not.toThrow(/npm/)
})
