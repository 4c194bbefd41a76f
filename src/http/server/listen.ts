import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { StoreError } from '../../model/errors.ts'

interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Resolves when the server listens. Rejects `unavailable`, saying what to do, if it cannot listen
 * on the address.
 */
export async function listen(server: Server, { host, port }: Address): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new StoreError('unavailable', `Cannot listen on ${host}, port ${port}: ${advice(error)}`, {
      cause: error,
    })
  }
}

/** Rejects as `listen` would, before anything is created for a server that cannot start. */
export async function tryToListen(address: Address): Promise<void> {
  if (address.port === 0) return
  const server = createServer()
  await listen(server, address)
  server.close()
  await once(server, 'close')
}

function advice(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  switch (code) {
    case 'EADDRINUSE':
      return 'it is in use. Stop the other program, or choose another --port.'
    case 'EACCES':
      return 'permission denied. Choose a --port above 1023, or run as a user who may listen there.'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `this machine has no such address (${code}). Correct --host.`
    default:
      return error instanceof Error ? error.message : String(error)
  }
}
