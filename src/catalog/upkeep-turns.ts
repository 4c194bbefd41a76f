/** The right to be the one that collects and verifies. */
export interface UpkeepTurn {
  /** Aborted when somebody else may have the turn, as after the connection to the database is lost. */
  readonly signal: AbortSignal
  /** Leaves it to others. Resolves also if it is lost. */
  release(): Promise<void>
}

/** Of the processes over one catalog, one at a time looks after it. */
export interface UpkeepTurns {
  /** Undefined while another process has the turn. Rejects `unavailable`. */
  take(): Promise<UpkeepTurn | undefined>
}

/** For who has the catalog for itself. */
export const aloneAtUpkeep: UpkeepTurns = {
  take: async () => ({ signal: new AbortController().signal, release: async () => {} }),
}
