import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import type { Leadership } from '../leader-lock.ts'
import { connectionError, failureOf } from './failures.ts'

export interface LockOptions {
  /**
   * How often the connection is checked, and how long to wait for the answer. At most 5000, the
   * default.
   */
  readonly beatMs?: number
}

/**
 * If the connection breaks, the holder of the lock notices before the server gives it to others.
 */
const serverPatience = `set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5;
  set tcp_keepalives_count = 2; set tcp_user_timeout = 20000`

const takeLock = `select pg_try_advisory_lock(hashtextextended(current_schema() || '/' || $1, 0)) as is_held`

/**
 * Takes the named lock of the catalog at a `postgres://` address if it is free, and holds it until
 * it is released, the connection is lost, or the process ends. Rejects `unavailable`.
 */
export async function tryAcquireLock(
  url: string,
  name: string,
  { beatMs = 5000 }: LockOptions = {},
): Promise<Leadership | undefined> {
  const client = new pg.Client({
    connectionString: url,
    fallback_application_name: 'ashlar',
    connectionTimeoutMillis: beatMs,
    query_timeout: beatMs,
  })
  const lost = new AbortController()
  const lose = (error?: Error) => lost.abort(error && connectionError(error))
  client.on('error', lose).on('end', lose)
  try {
    await client.connect()
    await client.query(serverPatience)
    const { rows } = await client.query<{ is_held: boolean }>(takeLock, [name])
    if (!rows[0]?.is_held) {
      await client.end()
      return undefined
    }
  } catch (error) {
    await client.end()
    throw failureOf(error instanceof pg.DatabaseError ? error : connectionError(error), false)
  }
  const beating = beat(client, lost, beatMs)
  return {
    signal: lost.signal,
    async release() {
      lost.abort()
      await beating
      // Without a connection it is released already.
      await client.query('select pg_advisory_unlock_all()').catch(() => {})
      await client.end()
    },
  }
}

/** A connection that nobody uses would not tell that it has been cut. */
async function beat(client: pg.Client, lost: AbortController, beatMs: number): Promise<void> {
  try {
    for (;;) {
      await setTimeout(beatMs, undefined, { signal: lost.signal })
      await client.query('select')
    }
  } catch (error) {
    lost.abort(connectionError(error))
  }
}
