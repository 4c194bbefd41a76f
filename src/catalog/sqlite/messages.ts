import type { ChunkUse } from '../catalog.ts'
import type { Failure } from './failures.ts'

/** What a thread is for: `workerData`. */
export interface ThreadSettings {
  readonly role: 'writer' | 'reader'
  readonly path: string
  /** A writer checks a database of at most this size before it opens it. */
  readonly maxCheckedBytes?: number
}

/**
 * From the main thread. `open` comes first and `close` last, each when no other call is on its way.
 */
export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  /** When a call that may change something was made. Milliseconds since 1970. */
  readonly now: number | undefined
}

/** Concurrent calls. */
export type Calls = readonly Call[]

/** To the main thread: the outcomes of calls that ran together. */
export interface Replies {
  readonly replies: readonly Reply[]
  /** Transactions so far. */
  readonly committed: number
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }

export interface SqliteCatalogOptions {
  /** Milliseconds since 1970; `Date.now` unless given. */
  readonly now?: () => number
  /** A database of at most this size is checked when it is opened; 4 MiB by default. */
  readonly maxCheckedBytes?: number
}

/** Sending a view copies its whole buffer to the other thread. */
export function compact(use: ChunkUse): ChunkUse {
  return { ...use, blockDigests: new Uint8Array(use.blockDigests) }
}
