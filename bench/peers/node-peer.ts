import { fileURLToPath } from 'node:url'
import { startPeer, type Peer } from './peer.ts'

/** One of the servers beside this file: it gets its port, and then `args`. */
export function startNodePeer(
  name: 'node-floor' | 'koa-from-memory' | 'tus-server',
  ...args: readonly string[]
): Promise<Peer> {
  const main = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  return startPeer(process.execPath, (port) => [main, `${port}`, ...args])
}

/** Ashlar as people start it, with default settings. */
export function startAshlar(directory: string): Promise<Peer> {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  return startPeer(process.execPath, (port) => [main, '--store', directory, '--port', `${port}`])
}
