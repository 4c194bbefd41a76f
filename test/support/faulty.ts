import type { CallOptions, ChunkStore } from '../../src/chunks/chunk-store.ts'
import { StoreError } from '../../src/model/errors.ts'

/** One thing that goes wrong. Calls are counted per method from 1; `every` is each of them. */
export type Fault =
  | {
      readonly on: FaultyMethod
      readonly call: number | 'every'
      /**
       * refuse: rejects `unavailable` and does nothing. lose-reply: does its work, then rejects `unavailable`.
       * hang: waits until it is released, and then does its work, or rejects with the reason of its signal.
       */
      readonly kind: 'refuse' | 'lose-reply' | 'hang'
    }
  /** Inverts the lowest bit of one byte of what was read, the first unless `byte` says which. */
  | {
      readonly on: 'read'
      readonly call: number | 'every'
      readonly kind: 'flip-bit'
      readonly byte?: number
    }
  /** Rejects `no_space` and does nothing. */
  | { readonly on: 'put'; readonly call: number | 'every'; readonly kind: 'no-space' }

export type FaultyMethod = 'put' | 'read' | 'delete' | 'list'

export interface FaultyChunkStore extends ChunkStore {
  /** How often each method was called so far. */
  readonly calls: Readonly<Record<FaultyMethod, number>>
  /** Lets go on all that hangs, now and later. */
  release(): void
}

/** Fails as planned, and otherwise does what `store` does. */
export function faulty(store: ChunkStore, plan: readonly Fault[]): FaultyChunkStore {
  const calls = { put: 0, read: 0, delete: 0, list: 0 }
  const released = Promise.withResolvers<void>()

  const nextFault = (method: FaultyMethod): Fault | undefined => {
    const call = (calls[method] += 1)
    return plan.find((fault) => fault.on === method && (fault.call === call || fault.call === 'every'))
  }

  const before = async (fault: Fault | undefined, options: CallOptions | undefined): Promise<void> => {
    options?.signal?.throwIfAborted()
    if (fault?.kind === 'refuse') throw new StoreError('unavailable', `Refused as planned: ${fault.on}.`)
    if (fault?.kind === 'no-space') throw new StoreError('no_space', 'The disk is full, as planned.')
    if (fault?.kind === 'hang') await orAborted(released.promise, options?.signal)
  }

  const after = (fault: Fault | undefined): void => {
    if (fault?.kind === 'lose-reply')
      throw new StoreError('unavailable', `Reply lost as planned: ${fault.on}.`)
  }

  return {
    calls,
    release: () => released.resolve(),
    async put(digest, pieces, options) {
      const fault = nextFault('put')
      await before(fault, options)
      const location = await store.put(digest, pieces, options)
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

async function orAborted(released: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal?.reason)
  signal?.addEventListener('abort', abort)
  try {
    await Promise.race([released, aborted.promise])
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

function flipBit(bytes: Uint8Array, at: number): void {
  const byte = bytes[at]
  if (byte === undefined) throw new RangeError(`the plan flips byte ${at} of a read of ${bytes.length} bytes`)
  bytes[at] = byte ^ 1
}
