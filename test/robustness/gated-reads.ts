import { expect } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import type { Location } from '../../src/model/chunk.ts'
import { eventually } from './eventually.ts'

/** A chunk store whose reads wait until they are let go, one by one. */
export interface GatedReads extends ChunkStore {
  /** Where each read went, in the order in which they began. */
  readonly begun: readonly Location[]
  /** Lets the longest waiting read go on, once there is one. */
  letOne(): Promise<void>
  /** Nothing waits any more. */
  letAll(): void
}

export function gatedReads(store: ChunkStore): GatedReads {
  const begun: Location[] = []
  const gates: (() => void)[] = []
  let isOpen = false
  return {
    begun,
    async letOne() {
      await eventually(() => expect(gates.length).toBeGreaterThan(0))
      gates.shift()?.()
    },
    letAll() {
      isOpen = true
      for (const open of gates.splice(0)) open()
    },
    put: (digest, pieces, options) => store.put(digest, pieces, options),
    delete: (location, options) => store.delete(location, options),
    list: (options) => store.list(options),
    close: () => store.close(),
    async read(location, offset, into, options) {
      begun.push(location)
      if (!isOpen) await new Promise<void>((resolve) => gates.push(resolve))
      await store.read(location, offset, into, options)
    },
  }
}
