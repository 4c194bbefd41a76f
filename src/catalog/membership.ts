import type { FileId } from '../model/file.ts'

/** What collection must keep although no file and no upload has it. Milliseconds since 1970. */
export interface InUse {
  /** Files that are being downloaded, and uploads that are being received. */
  readonly inUse: readonly FileId[]
  /** A lookup may be about to return what was unlinked since then; `Infinity` without a lookup. */
  readonly lookupsSince: number
  /** The catalog may be about to hear of what was stored since then; `Infinity` if it is not. */
  readonly putsSince: number
}

/** How the processes of one catalog tell each other what they count on. */
export interface Membership {
  /**
   * Tells the others, and resolves with what any process counts on, the caller included. Rejects
   * `unavailable`.
   */
  heartbeat(own: InUse): Promise<InUse>
}

/** For a process that has the catalog to itself. */
export const singleNode: Membership = { heartbeat: async (own) => own }
