import { setTimeout } from 'node:timers/promises'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { heartbeat } from './heartbeat.ts'
import type { Ongoing } from './run-as-leader.ts'

/** Sends heartbeats at an interval. Failures are reported and retried. */
export function heartbeatRegularly(store: Storage & OpenUploads & Counted, intervalMs: number): Ongoing {
  const stopping = new AbortController()
  const { signal } = stopping
  const run = async () => {
    while (!signal.aborted) {
      try {
        await heartbeat(store)
      } catch (error) {
        store.options.onBackgroundError(error, 'telling other processes what this one counts on')
      }
      await setTimeout(intervalMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
