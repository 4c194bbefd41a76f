import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isTuned } from './tuning.ts'

/**
 * Less than what has V8 begin a full collection, which is so many percent of what is in use
 * (`keepHeapSmall`): with four times as much, most of these collections were measured to become
 * full ones, and bodies to take twice the time of the processor.
 */
const usualBytes = 4 * 1024 * 1024

/**
 * Frees the buffers in which bodies come. Node makes one for each read of a socket, and V8 counts
 * it as memory outside its heap: where many come, it goes over all that thousands of other clients
 * keep in the heap to be rid of them. They die at once, so that a collection of what is young
 * suffices, which takes a fraction of the time.
 */
export class YoungGarbage {
  readonly #collect = isTuned() ? exposedCollector() : undefined
  readonly #bytesPerCollection: number
  #bytes = 0

  constructor(bytesPerCollection = usualBytes) {
    this.#bytesPerCollection = bytesPerCollection
  }

  /** So many bytes have come and been copied. */
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
