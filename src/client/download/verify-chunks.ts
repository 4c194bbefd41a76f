import { StoreError } from '../../model/errors.ts'
import type { Connection } from '../transport/connection.ts'
import type { ChunkInfo, FileWithChunks } from '../files/file-info.ts'
import type { ContentHasher } from '../transport/platform.ts'

/** Rejects `corrupt` unless the chunk list is the one that the file's digest covers. */
export async function verifyChunkList({ platform }: Connection, file: FileWithChunks): Promise<void> {
  const hasher = await platform.fileHasher()
  let at = 0
  for (const { start, size, digest } of file.chunks) {
    if (start !== at) throw new StoreError('corrupt', `The chunks of ${file.name} have a gap at byte ${at}.`)
    hasher.update(digest)
    at += size
  }
  if (at !== file.size || hasher.digest() !== file.digest) {
    throw new StoreError('corrupt', `The chunk list of ${file.name} is not the one of its digest.`)
  }
}

/**
 * Checks bytes against their chunks as they arrive, in order, from the beginning of the first
 * chunk.
 */
export class ChunkVerifier {
  readonly #connection: Connection
  readonly #chunks: readonly ChunkInfo[]
  #index = 0
  #filled = 0
  #hasher: ContentHasher<Uint8Array> | undefined

  constructor(connection: Connection, chunks: readonly ChunkInfo[]) {
    this.#connection = connection
    this.#chunks = chunks
  }

  /** Rejects `digest_mismatch` at the end of a chunk that differs from its digest. */
  async update(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const chunk = this.#chunks[this.#index]
      if (!chunk) throw new StoreError('internal', 'There are more bytes than chunks.')
      this.#hasher ??= await this.#connection.platform.chunkHasher()
      const taken = bytes.subarray(at, at + chunk.size - this.#filled)
      this.#hasher.update(taken)
      this.#filled += taken.length
      at += taken.length
      if (this.#filled === chunk.size) this.#close(chunk)
    }
  }

  #close({ start, size, digest }: ChunkInfo): void {
    if (this.#hasher?.digest() !== digest) {
      throw new StoreError(
        'digest_mismatch',
        `Bytes ${start} to ${start + size - 1} were damaged on their way. Try again.`,
      )
    }
    this.#hasher = undefined
    this.#filled = 0
    this.#index += 1
  }
}
