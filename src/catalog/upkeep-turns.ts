/** The right to run upkeep, which collects and verifies. */
export interface UpkeepTurn {
  /** Aborted when another process may have the turn, as after the database connection is lost. */
  readonly signal: AbortSignal
  /** Ends the turn. Also resolves if it is already lost. */
  release(): Promise<void>
}

/** One process at a time runs upkeep on a catalog. */
export interface UpkeepTurns {
  /** Undefined while another process has the turn. Rejects `unavailable`. */
  take(): Promise<UpkeepTurn | undefined>
}

/** For a process that has the catalog to itself. */
export const aloneAtUpkeep: UpkeepTurns = {
  take: async () => ({ signal: new AbortController().signal, release: async () => {} }),
}
