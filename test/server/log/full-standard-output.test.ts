import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { fastStart } from '../../support/fast-start.ts'
import { request } from '../../support/http-request.ts'
import { inheritedEnv } from '../../support/inherited-env.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

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
    const args = [process.execPath, ...fastStart, main, '--store', store, '--port', String(port)]
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

it.runIf(process.platform === 'linux')(
  'a server whose terminal is stopped by Ctrl-S serves, drops lines, and stops when told to',
  async () => {
    const port = await freePort()
    const folder = await temporaryDirectory()
    const pidFile = join(folder, 'pid')
    const args = [
      process.execPath,
      ...fastStart,
      main,
      '--store',
      join(folder, 'store'),
      '--port',
      String(port),
    ]
    const command = `echo $$ > ${pidFile}; exec ${args.join(' ')}`
    const terminal = spawn('script', ['--quiet', '--command', command, '/dev/null'], {
      env: inheritedEnv(),
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const exited = once(terminal, 'close')
    const server = { url: `http://127.0.0.1:${port}`, port }
    let shown = ''
    terminal.stdout.on('data', (piece) => (shown += String(piece)))
    await expect.poll(() => shown, { interval: 20 }).toContain(server.url)
    const pid = Number(await readFile(pidFile, 'utf8'))
    onTestFinished(async () => {
      terminal.kill('SIGKILL')
      await exited
    })
    const dropped = async () => {
      const metrics = (await request(server, 'GET', '/metrics')).body.toString()
      return Number(/^ashlar_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1])
    }
    terminal.stdin.write('\x13')
    const client = await RawClient.open(port)
    const together = 30
    const requests = head(`GET /files/${'x'.repeat(600)}`).repeat(together)
    // What the terminal takes before it is full depends on the system.
    for (let round = 0; round < 100 && (await dropped()) === 0; round++) {
      await client.send(requests)
      for (let answered = 0; answered < together; answered++) await client.answer()
    }
    client.socket.destroy()
    expect(await dropped()).toBeGreaterThan(0)
    process.kill(pid, 'SIGTERM')
    await expect.poll(() => isRunning(pid), { interval: 20, timeout: 10_000 }).toBe(false)
  },
)

/** A process that has ended may stay as a zombie for as long as its terminal is stopped. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX')
  return !/^State:\t[XZ]/m.test(status)
}
