import { join } from 'node:path'
import { newTemporaryPath } from './chunk-path.ts'

/**
 * Knows which packs this store is about to write: nobody else's business, while what others have
 * left may be deleted.
 */
export class TemporaryFiles {
  readonly #directory: string
  readonly #paths = new Set<string>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Settles as `write` does, which gets the path of a file that is to become the pack. */
  async create<T>(packPath: string, write: (temporary: string) => Promise<T>): Promise<T> {
    const path = newTemporaryPath(packPath)
    this.#paths.add(path)
    try {
      return await write(join(this.#directory, path))
    } finally {
      this.#paths.delete(path)
    }
  }

  has(path: string): boolean {
    return this.#paths.has(path)
  }
}
