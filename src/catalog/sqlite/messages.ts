import type { Failure } from './failures.ts'

/** What a thread is for: `workerData`. */
export interface ThreadSettings {
  readonly role: 'writer' | 'reader'
  readonly path: string
  /** A writer checks a database of up to so many bytes whole before it opens it. */
  readonly maxCheckedBytes?: number
}

/** From the main thread. `open` comes first and `close` last, each when no other call is on its way. */
export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

/** Those of one moment. */
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
