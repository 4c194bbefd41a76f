import fs from 'node:fs'
import { StoreError } from '../../model/errors.ts'
import { callFs } from './fs-calls.ts'

/**
 * Remembers which directory a path led to at first: it may be renamed, unmounted or replaced while
 * the server runs.
 */
export class DirectoryIdentity {
  readonly #path: string
  readonly #first: fs.BigIntStats

  private constructor(path: string, first: fs.BigIntStats) {
    this.#path = path
    this.#first = first
  }

  /** Rejects with the system's error. */
  static async of(path: string): Promise<DirectoryIdentity> {
    return new DirectoryIdentity(path, await statOf(path))
  }

  /** Rejects `unavailable` if the path now leads to another directory. */
  async confirm(): Promise<void> {
    const now = await statOf(this.#path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    })
    if (now?.dev === this.#first.dev && now.ino === this.#first.ino) return
    throw new StoreError(
      'unavailable',
      `${this.#path} has been moved, unmounted or replaced since the server started: put it back, or restart the server.`,
    )
  }
}

function statOf(path: string): Promise<fs.BigIntStats> {
  return callFs<fs.BigIntStats>((done) => fs.stat(path, { bigint: true }, done))
}
