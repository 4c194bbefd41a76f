/** The right to run upkeep, which collects and verifies. */
export interface Leadership {
  /** Aborted when another process may lead, as after the database connection is lost. */
  readonly signal: AbortSignal
  /** Stops leading. Also resolves if it is already lost. */
  release(): Promise<void>
}

/** One process at a time runs upkeep on a catalog. */
export interface LeaderLock {
  /** Undefined while another process leads. Rejects `unavailable`. */
  tryAcquire(): Promise<Leadership | undefined>
}

/** For a process that has the catalog to itself. */
export const soleLeader: LeaderLock = {
  tryAcquire: async () => ({ signal: new AbortController().signal, release: async () => {} }),
}
