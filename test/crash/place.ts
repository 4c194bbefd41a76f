import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAfterKill, checkWhenCollected } from './check-store.ts'
import { CrashingServer } from './crashing-server.ts'

/** Where servers keep what is checked. */
export interface Place {
  /** Where to look at what is left. */
  readonly name: string
  /** Keeps what was let go for so long. */
  start(graceMs: number): CrashingServer
  /** Throws a violation unless all that the catalog counts on is there. No server may run. */
  checkAfterKill(): Promise<void>
  /** Throws a violation unless soon there is just what is in use, and that is sound. Nobody may change anything; a server may run. */
  checkWhenCollected(): Promise<void>
  /** What is not removed stays as it is, as far as it outlives this process. */
  remove(): Promise<void>
}

export class DirectoryPlace implements Place {
  readonly name: string

  private constructor(directory: string) {
    this.name = directory
  }

  static async open(): Promise<DirectoryPlace> {
    return new DirectoryPlace(await mkdtemp(join(tmpdir(), 'ashlar-kill-')))
  }

  start(graceMs: number): CrashingServer {
    return new CrashingServer(this.name, { graceMs })
  }

  checkAfterKill(): Promise<void> {
    return checkAfterKill(this.name)
  }

  checkWhenCollected(): Promise<void> {
    return checkWhenCollected(this.name)
  }

  async remove(): Promise<void> {
    await rm(this.name, { recursive: true })
  }
}
