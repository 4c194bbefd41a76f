import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { heartbeat } from './heartbeat.ts'
import { repeat, type Ongoing } from './repeat.ts'

/** Sends heartbeats at an interval. Failures are reported and retried. */
export function heartbeatRegularly(store: Storage & OpenUploads & Counted, intervalMs: number): Ongoing {
  const send = async () => {
    await heartbeat(store)
  }
  return repeat(send, intervalMs, (error) =>
    store.options.onBackgroundError(error, 'telling other processes what this one uses'),
  )
}
