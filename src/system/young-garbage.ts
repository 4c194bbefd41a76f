import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isTuned } from './tuning.ts'

/**
 * Must stay below what makes V8 start a full collection, which is a share of the memory in use
 * (`keepHeapSmall`). With four times as much, most of these collections became full ones when
 * measured, and bodies took twice the CPU time.
 */
const usualBytes = 4 * 1024 * 1024

/**
 * Frees the buffers that request bodies arrive in. Node allocates one for each read of a socket,
 * and V8 counts it as memory outside its heap: to free many, V8 would walk everything that
 * thousands of other clients keep in the heap. These buffers die at once, so a collection of the
 * young generation suffices, and takes a fraction of the time.
 */
export class YoungGarbage {
  readonly #collect = isTuned() ? exposedCollector() : undefined
  readonly #bytesPerCollection: number
  #bytes = 0

  constructor(bytesPerCollection = usualBytes) {
    this.#bytesPerCollection = bytesPerCollection
  }

  /** Counts bytes that have arrived and been copied. */
  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < this.#bytesPerCollection) return
    this.#bytes = 0
    this.#collect?.({ type: 'minor', execution: 'sync' })
  }
}

function exposedCollector(): NonNullable<typeof globalThis.gc> {
  if (globalThis.gc) return globalThis.gc
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as NonNullable<typeof globalThis.gc>
}
