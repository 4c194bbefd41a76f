import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { request } from '../support/http-request.ts'
import { inheritedEnv } from '../support/inherited-env.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

it.runIf(process.platform === 'linux')(
  'a server whose standard output is full serves, says so once, counts, and stops when told to',
  async () => {
    const port = await freePort()
    const store = join(await temporaryDirectory(), 'store')
    const args = [process.execPath, main, '--store', store, '--port', String(port)]
    const child = spawn('sh', ['-c', 'exec "$@" >/dev/full', 'sh', ...args], {
      env: inheritedEnv(),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const exited = once(child, 'close')
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await exited
    })
    let stderr = ''
    child.stderr.on('data', (piece) => (stderr += String(piece)))

    const server = { url: `http://127.0.0.1:${port}`, port }
    const isAlive = () =>
      request(server, 'GET', '/healthz').then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(isAlive, { interval: 20 }).toBe(200)
    for (let count = 0; count < 20; count++) {
      expect((await request(server, 'PUT', '/files/a', { body: 'x' })).status).toBeLessThan(300)
    }
    const metrics = (await request(server, 'GET', '/metrics')).body.toString()
    expect(Number(/^ashlar_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(18)
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    expect(stderr).toMatch(/^ashlar: [^\n]*\n$/)
  },
)
