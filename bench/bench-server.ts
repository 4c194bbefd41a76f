import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/**
 * The server as people start it: a process of its own, with default settings unless `options` say
 * otherwise.
 */
export interface BenchServer {
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** Rejects if it ends before it listens. */
export async function startBenchServer(store: string, options: readonly string[] = []): Promise<BenchServer> {
  const child = spawn(process.execPath, [main, '--store', store, '--port', '0', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface(child.stdout)
  const listening = new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const { url } = JSON.parse(line) as { readonly url?: string }
      if (url !== undefined) resolve(url)
    })
    child.once('exit', () => reject(new Error('the server did not start')))
  })
  const port = Number(new URL(await listening).port)
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  return { port, pid: child.pid!, stop }
}
