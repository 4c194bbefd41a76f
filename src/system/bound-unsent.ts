import type { Server } from 'node:net'
import { callLibc } from './call-libc.ts'

/** Enough that a client who reads never waits for the event loop. */
const mostUnsentBytes = 1024 * 1024

// As Linux numbers them.
const IPPROTO_TCP = 6
const TCP_NOTSENT_LOWAT = 25

/**
 * Has the system keep little that it cannot send yet to each client of a server that listens. Left
 * to itself it takes up to 4 MiB for one that does not read, of a memory that all connections of
 * the machine share: when a thousand who stand still have filled that, it drops what others send.
 * What is on its way to a client is not bounded by this, so that long lines are filled as before.
 *
 * Returns whether it could: on Linux, where Node can call the system.
 */
export function boundUnsent(server: Server): boolean {
  // Connections inherit the option from the socket that accepts them.
  const { fd } = (server as Server & { readonly _handle?: { readonly fd?: number } | null })._handle ?? {}
  if (process.platform !== 'linux' || fd === undefined || fd < 0) return false
  const value = Buffer.alloc(4)
  value.writeInt32LE(mostUnsentBytes)
  return callLibc('setsockopt', fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, value, value.length) === 0
}
