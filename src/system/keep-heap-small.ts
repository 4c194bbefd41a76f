import { setFlagsFromString } from 'node:v8'
import { isTuned } from './tuning.ts'

/**
 * Buffers have their bound, and what V8 keeps for each client is to have one, too: left to itself
 * it lets garbage pile up to several times what thousands of clients need, and the threads of the
 * catalog do the same. `--optimize-for-size` would do more, and take twice the time for small
 * files. What is read from a bucket comes in buffers that die young, as bodies do, and there is a
 * full collection whenever they are a part of the heap: with a fifth, that took half of the
 * throughput.
 */
export function keepHeapSmall(isBucket: boolean): void {
  if (!isTuned()) return
  setFlagsFromString(`--heap-growing-percent=${isBucket ? 400 : 20}`)
  // Small collections are over before other threads have begun.
  if (isBucket) setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--semi-space-growth-factor=1')
  // What bodies came in is freed where it was made, at once: to hand it to another thread, and to
  // wait for that, took uploads a twentieth of their throughput.
  setFlagsFromString('--no-concurrent-array-buffer-sweeping')
}
