import type { FileId } from '../model/file.ts'

/** What collection has to leave alone, although no file and no upload has it. Times in milliseconds since 1970. */
export interface CountedOn {
  /** Files that are being downloaded, and uploads that are being received. */
  readonly inUse: readonly FileId[]
  /** What was let go from this time on may be what a lookup is about to return; `Infinity` without a lookup. */
  readonly lookupsSince: number
  /** What was stored from this time on may be what the catalog is about to be told of; `Infinity` if nothing is. */
  readonly putsSince: number
}

/** How the processes over one catalog hear of what each of them counts on. */
export interface Presence {
  /** Tells the others, and resolves with what any of them counts on, the caller too. Rejects `unavailable`. */
  meet(own: CountedOn): Promise<CountedOn>
}

/** For who has the catalog for itself. */
export const alone: Presence = { meet: async (own) => own }
