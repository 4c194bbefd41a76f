import { setTimeout } from 'node:timers/promises'
import type { CallOptions, ChunkStore } from '../../src/chunks/chunk-store.ts'
import type { Location } from '../../src/model/chunk.ts'
import { StoreError } from '../../src/model/errors.ts'

/** One thing that goes wrong. Calls are counted per method from 1; `every` is each of them. */
export type Fault =
  | {
      readonly on: FaultyMethod
      readonly call: number | 'every'
      /**
       * refuse: rejects `unavailable` and does nothing. lose-reply: does its work, then rejects
       * `unavailable`. hang: waits until it is released, and then does its work, or rejects with
       * the reason of its signal.
       */
      readonly kind: 'refuse' | 'lose-reply' | 'hang'
    }
  /** Does its work, but so much later. */
  | {
      readonly on: FaultyMethod
      readonly call: number | 'every'
      readonly kind: 'delay'
      readonly ms: number
    }
  /**
   * Inverts the lowest bit of one byte of what was read, or is put, the first unless `byte` says
   * which.
   */
  | {
      readonly on: 'read' | 'put'
      readonly call: number | 'every'
      readonly kind: 'flip-bit'
      readonly byte?: number
    }
  | {
      readonly on: 'put'
      readonly call: number | 'every'
      /**
       * tear: stores the first half under a location that nobody hears of, and rejects
       * `unavailable`. fail-sync: loses all that it has written, and rejects `unavailable`.
       */
      readonly kind: 'tear' | 'fail-sync'
    }
  /** Rejects `no_space` and does nothing: what takes a chunk out of a pack needs some, too. */
  | { readonly on: 'put' | 'delete'; readonly call: number | 'every'; readonly kind: 'no-space' }
  /**
   * Rejects `no_space` as soon as all that was put through it, less what was deleted, would exceed
   * so many bytes.
   */
  | { readonly on: 'put'; readonly call: 'every'; readonly kind: 'fill-up'; readonly capacity: number }

export type FaultyMethod = 'put' | 'read' | 'delete' | 'list'

export interface FaultyChunkStore extends ChunkStore {
  /** How often each method was called so far. */
  readonly calls: Readonly<Record<FaultyMethod, number>>
  /** Lets go on all that hangs, now and later. */
  release(): void
  /** Another plan, for calls that are counted anew. */
  replan(plan: readonly Fault[]): void
}

/** Fails as planned, and otherwise does what `store` does. */
export function faulty(store: ChunkStore, firstPlan: readonly Fault[]): FaultyChunkStore {
  const calls = { put: 0, read: 0, delete: 0, list: 0 }
  const released = Promise.withResolvers<void>()
  const sizes = new Map<Location, number>()
  let plan = firstPlan

  const nextFault = (method: FaultyMethod): Fault | undefined => {
    const call = (calls[method] += 1)
    return plan.find((fault) => fault.on === method && (fault.call === call || fault.call === 'every'))
  }

  const before = async (fault: Fault | undefined, options: CallOptions | undefined): Promise<void> => {
    options?.signal?.throwIfAborted()
    if (fault?.kind === 'refuse') throw new StoreError('unavailable', `Refused as planned: ${fault.on}.`)
    if (fault?.kind === 'no-space') throw new StoreError('no_space', 'The disk is full, as planned.')
    if (fault?.kind === 'hang') await orAborted(released.promise, options?.signal)
    if (fault?.kind === 'delay')
      await orAborted(setTimeout(fault.ms, undefined, { ref: false }), options?.signal)
  }

  const after = (fault: Fault | undefined): void => {
    if (fault?.kind === 'lose-reply')
      throw new StoreError('unavailable', `Reply lost as planned: ${fault.on}.`)
  }

  const refuseBeyond = (capacity: number, size: number): void => {
    for (const stored of sizes.values()) size += stored
    if (size > capacity) throw new StoreError('no_space', 'The disk is full by now, as planned.')
  }

  return {
    calls,
    release: () => released.resolve(),
    replan(next) {
      plan = next
      Object.assign(calls, { put: 0, read: 0, delete: 0, list: 0 })
    },
    async put(digest, pieces, options) {
      const fault = nextFault('put')
      await before(fault, options)
      const size = pieces.reduce((total, piece) => total + piece.length, 0)
      if (fault?.kind === 'fill-up') refuseBeyond(fault.capacity, size)
      const location = await store.put(digest, spoilt(pieces, fault), options)
      sizes.set(location, size)
      if (fault?.kind === 'tear') throw new StoreError('unavailable', 'Torn as planned.')
      if (fault?.kind === 'fail-sync') {
        await store.delete(location)
        throw new StoreError('unavailable', 'The sync failed, as planned.')
      }
      after(fault)
      return location
    },
    async read(location, offset, into, options) {
      const fault = nextFault('read')
      await before(fault, options)
      await store.read(location, offset, into, options)
      if (fault?.kind === 'flip-bit') flipBit(into, fault.byte ?? 0)
      after(fault)
    },
    async delete(location, options) {
      const fault = nextFault('delete')
      await before(fault, options)
      await store.delete(location, options)
      sizes.delete(location)
      after(fault)
    },
    list(options) {
      const fault = nextFault('list')
      return (async function* () {
        await before(fault, options)
        yield* store.list(options)
        after(fault)
      })()
    },
    close: () => store.close(),
  }
}

async function orAborted(waited: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal?.reason)
  signal?.addEventListener('abort', abort)
  try {
    await Promise.race([waited, aborted.promise])
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** What a put stores instead of its pieces. */
function spoilt(pieces: readonly Uint8Array[], fault: Fault | undefined): readonly Uint8Array[] {
  if (fault?.kind === 'tear') return [halfOf(Buffer.concat(pieces))]
  if (fault?.kind !== 'flip-bit') return pieces
  const bytes = Buffer.concat(pieces)
  flipBit(bytes, fault.byte ?? 0)
  return [bytes]
}

function halfOf(bytes: Buffer): Buffer {
  return bytes.subarray(0, Math.floor(bytes.length / 2))
}

function flipBit(bytes: Uint8Array, at: number): void {
  const byte = bytes[at]
  if (byte === undefined) throw new RangeError(`the plan flips byte ${at} of ${bytes.length} bytes`)
  bytes[at] = byte ^ 1
}
