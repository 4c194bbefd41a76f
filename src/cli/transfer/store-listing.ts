import type { AshlarClient, FileInfo } from '../../client/node.ts'
import { isTransientError } from '../../client/transport/attempts.ts'
import type { LocalFile } from './local-files.ts'

/**
 * A file of this machine, and what the store has under its name: `null` for nothing, `undefined`
 * where nobody has looked.
 */
export interface ComparedFile {
  readonly file: LocalFile
  readonly present: FileInfo | null | undefined
}

/** How many files nobody asks for a listing may contain before asking for each file is cheaper. */
const entriesAtFirst = 10_000
const entriesPerFile = 50

/**
 * Looks files up in a listing of the folder that they go to, which costs much less than to ask for
 * each. Holds one page.
 */
export async function* compared(
  files: AsyncIterable<LocalFile>,
  client: AshlarClient,
  signal: AbortSignal,
): AsyncGenerator<ComparedFile> {
  let listing: { readonly folder: string; readonly names: StoreListing } | undefined
  try {
    for await (const file of files) {
      const { folder } = file
      if (listing?.folder !== folder) {
        await listing?.names.close()
        listing =
          folder === undefined
            ? undefined
            : { folder, names: new StoreListing(namesIn(client, folder, signal)) }
      }
      yield { file, present: await listing?.names.find(file.name) }
    }
  } finally {
    await listing?.names.close()
  }
}

async function* namesIn(client: AshlarClient, folder: string, signal: AbortSignal): AsyncGenerator<FileInfo> {
  const prefix = folder === '' ? '' : `${folder}/`
  for await (const entry of client.list({ prefix }, { signal })) if ('file' in entry) yield entry.file
}

/** Files by name, read as far as they are asked for. */
export class StoreListing {
  readonly #files: AsyncGenerator<FileInfo>
  #next: FileInfo | undefined
  #passed = 0
  #asked = 0
  #last: Buffer | undefined
  #isEnded = false
  #isGivenUp = false

  constructor(files: AsyncGenerator<FileInfo>) {
    this.#files = files
  }

  /**
   * In the order of the store; of a name that comes too late nothing is known. Rejects only where
   * the store cannot be reached.
   */
  async find(name: string): Promise<FileInfo | null | undefined> {
    const bytes = Buffer.from(name)
    this.#asked += 1
    if (this.#last && bytes.compare(this.#last) <= 0) return undefined
    this.#last = bytes
    for (;;) {
      if (this.#isGivenUp) return undefined
      const order = this.#next ? Buffer.from(this.#next.name).compare(bytes) : -1
      if (this.#next && order >= 0) return order === 0 ? this.#next : null
      if (this.#isEnded) return null
      await this.#readOn()
    }
  }

  async close(): Promise<void> {
    await this.#files.return(undefined)
  }

  async #readOn(): Promise<void> {
    try {
      const { done, value } = await this.#files.next()
      this.#isEnded = done === true
      this.#next = done ? undefined : value
      this.#passed += 1
      // Few files for a large folder.
      this.#isGivenUp = this.#passed > entriesAtFirst + entriesPerFile * this.#asked
    } catch (error) {
      if (isTransientError(error)) throw error
      // A proxy may forbid listing; any other problem shows up with the files themselves.
      this.#isGivenUp = true
    }
  }
}
