import type { Server } from 'node:net'
import { callLibc } from './call-libc.ts'

/** Enough that a client that keeps reading never waits for the event loop. */
const mostUnsentBytes = 1024 * 1024

// The numbers that Linux gives them.
const IPPROTO_TCP = 6
const TCP_NOTSENT_LOWAT = 25

/**
 * Limits what the system buffers for each client and cannot send yet. By default it takes up to 4
 * MiB for a client that does not read, from memory that all connections of the machine share: when
 * a thousand stalled clients have filled it, the system drops packets of the others. The limit does
 * not apply to bytes in flight, so connections with a high latency are still filled.
 *
 * Returns whether the system agreed, which takes Linux and a Node that can call libc.
 */
export function boundUnsent(server: Server): boolean {
  // Connections inherit the option from the socket that accepts them.
  const { fd } = (server as Server & { readonly _handle?: { readonly fd?: number } | null })._handle ?? {}
  if (process.platform !== 'linux' || fd === undefined || fd < 0) return false
  const value = Buffer.alloc(4)
  value.writeInt32LE(mostUnsentBytes)
  return callLibc('setsockopt', fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, value, value.length) === 0
}
