import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAfterKill, checkWhenCollected } from './check-store.ts'
import { CrashingServer } from './crashing-server.ts'

/** Where servers keep what is checked. */
export interface Place {
  /** For who looks into a failure. */
  readonly remains: string
  /** Keeps what was unlinked for so long. */
  start(graceMs: number): CrashingServer
  /** Throws a violation unless all that the catalog counts on is there. No server may run. */
  checkAfterKill(): Promise<void>
  /**
   * Throws a violation unless soon there is just what is in use, and that is sound. Nobody may
   * change anything; a server may run.
   */
  checkWhenCollected(): Promise<void>
  remove(): Promise<void>
}

export class DirectoryPlace implements Place {
  readonly remains: string

  private constructor(directory: string) {
    this.remains = directory
  }

  static async open(): Promise<DirectoryPlace> {
    return new DirectoryPlace(await mkdtemp(join(tmpdir(), 'ashlar-kill-')))
  }

  start(graceMs: number): CrashingServer {
    return new CrashingServer(this.remains, { graceMs })
  }

  checkAfterKill(): Promise<void> {
    return checkAfterKill(this.remains)
  }

  checkWhenCollected(): Promise<void> {
    return checkWhenCollected(this.remains)
  }

  async remove(): Promise<void> {
    await rm(this.remains, { recursive: true })
  }
}
