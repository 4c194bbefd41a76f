import { isStoreError } from '../../model/errors.ts'
import { InvokedInspection } from '../sql/method-table.ts'
import { DatabaseThread } from './database-thread.ts'

/**
 * Reads the catalog of a store, also while a server has it open. It takes no lock and changes
 * nothing.
 */
export class SqliteInspection extends InvokedInspection {
  readonly #reader: DatabaseThread

  private constructor(path: string) {
    const reader = new DatabaseThread({ role: 'reader', path })
    super((name, args) => reader.call(name, args))
    this.#reader = reader
  }

  /**
   * Rejects `unavailable` if there is none, it is of another version of Ashlar, or it is
   * unreadable.
   */
  static async open(path: string): Promise<SqliteInspection> {
    const inspection = new SqliteInspection(path)
    await inspection.#reader.open()
    return inspection
  }

  override async verify(): Promise<readonly string[]> {
    return super.verify().catch(toFaults)
  }

  close(): Promise<void> {
    return this.#reader.close()
  }
}

/** Checks the database at the path on a thread of its own, which can take minutes. */
export async function verifyApart(path: string): Promise<readonly string[]> {
  const inspection = await SqliteInspection.open(path)
  try {
    return await inspection.verify()
  } finally {
    await inspection.close()
  }
}

/** SQLite gives up where it cannot even read the names of the tables. */
export function toFaults(error: unknown): readonly string[] {
  if (isStoreError(error, 'corrupt')) return [error.message]
  throw error
}
