import fs from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Location } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import { CallGate } from '../call-gate.ts'
import type { CallOptions, ChunkStore, ReadOptions, StoredChunk } from '../chunk-store.ts'
import { callFs } from './call-fs.ts'
import { checkLocation, digestOfLocation, locationOfFile, newLocation, shardNames } from './chunk-path.ts'
import { createFile } from './create-file.ts'
import { diskError } from './disk-error.ts'
import { isAbsence } from './is-absence.ts'
import { isMediumError } from './is-medium-error.ts'
import { OpenFiles } from './open-files.ts'
import { readFully } from './read-fully.ts'
import { Shards } from './shards.ts'

export interface DiskChunkStoreOptions {
  /** Chunk files kept open between reads, 128 unless given. 256 descriptors more are open all the time. */
  readonly maxOpenFiles?: number
  /** Deletes are synced: what is deleted stays so after a power cut. Chunks do without, for one that comes back is garbage, not loss. */
  readonly hasDurableDeletes?: boolean
}

/**
 * Keeps each chunk in a file of its own: `ab/<digest>.<random>` below one directory, its bytes and nothing
 * else. Any number of stores may work on one directory. `list` also shows the file of a put that is under way,
 * or that a crash cut short.
 */
export class DiskChunkStore implements ChunkStore {
  readonly #directory: string
  readonly #shards: Shards
  readonly #files: OpenFiles
  readonly #hasDurableDeletes: boolean
  readonly #calls = new CallGate()
  #closed: Promise<void> | undefined

  private constructor(directory: string, shards: Shards, files: OpenFiles, hasDurableDeletes: boolean) {
    this.#directory = directory
    this.#shards = shards
    this.#files = files
    this.#hasDurableDeletes = hasDurableDeletes
  }

  /** Creates the directory if it is not there. Rejects `no_space`, `unavailable`. */
  static async open(
    directory: string,
    { maxOpenFiles = 128, hasDurableDeletes = false }: DiskChunkStoreOptions = {},
  ): Promise<DiskChunkStore> {
    try {
      const shards = await Shards.open(directory)
      return new DiskChunkStore(directory, shards, new OpenFiles(maxOpenFiles), hasDurableDeletes)
    } catch (error) {
      throw diskError(error, 'Cannot open the chunk directory')
    }
  }

  put(digest: Digest, pieces: readonly Uint8Array[], { signal }: CallOptions = {}): Promise<Location> {
    return this.#call(`Cannot store chunk ${digest}`, signal, async () => {
      const location = newLocation(digest)
      await createFile(this.#path(location), pieces, () => this.#shards.sync(location), signal)
      return location
    })
  }

  read(location: Location, offset: number, into: Uint8Array, { signal }: ReadOptions): Promise<void> {
    return this.#call(`Cannot read chunk ${location}`, signal, async () => {
      checkLocation(location)
      const path = this.#path(location)
      const count = await this.#files
        .withFile(path, (fd) => readFully(fd, offset, into, signal))
        .catch(async (error: unknown) => {
          if (isMediumError(error)) {
            throw new StoreError('corrupt', `The disk cannot read the chunk at ${location}.`, {
              cause: error,
            })
          }
          if (!(await isAbsence(error, path))) throw error
          throw new StoreError('not_found', `There is no chunk at ${location}.`, { cause: error })
        })
      if (count < into.length) {
        throw new StoreError('corrupt', `The chunk at ${location} ends before byte ${offset + into.length}.`)
      }
    })
  }

  delete(location: Location, { signal }: CallOptions = {}): Promise<void> {
    return this.#call(`Cannot delete chunk ${location}`, signal, async () => {
      checkLocation(location)
      const path = this.#path(location)
      await callFs((done) => fs.unlink(path, done)).catch(async (error: unknown) => {
        if (!(await isAbsence(error, path))) throw error
      })
      // Not before the file is gone, or a read could open it in between and keep it readable.
      this.#files.drop(path)
      if (this.#hasDurableDeletes) await this.#shards.sync(location)
    })
  }

  /** In the order of the locations. Holds the names of one shard. What is not named like a chunk is not ours. */
  async *list({ signal }: CallOptions = {}): AsyncGenerator<StoredChunk> {
    for (const shard of shardNames) {
      // Only each step is a call: a listing that nobody goes on with must not keep the store from closing.
      const names = await this.#call('Cannot list chunks', signal, () =>
        readdir(join(this.#directory, shard)),
      )
      const locations = names
        .map((name) => locationOfFile(shard, name))
        .filter((found) => found !== undefined)
      for (const location of locations.sort()) {
        const chunk = await this.#call('Cannot list chunks', signal, () => this.#find(location))
        if (chunk) yield chunk
      }
    }
  }

  /** Resolves when the calls under way have settled and every descriptor is closed. Later calls reject `unavailable`. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#calls.close()
    try {
      await this.#files.close()
    } finally {
      await this.#shards.close()
    }
  }

  async #find(location: Location): Promise<StoredChunk | undefined> {
    const path = this.#path(location)
    try {
      const found = await lstat(path)
      return found.isFile() ? { location, digest: digestOfLocation(location), size: found.size } : undefined
    } catch (error) {
      if (await isAbsence(error, path)) return undefined
      throw error
    }
  }

  #path(location: Location): string {
    return join(this.#directory, location)
  }

  #call<T>(attempt: string, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    return this.#calls.run(async () => {
      signal?.throwIfAborted()
      try {
        return await call()
      } catch (error) {
        signal?.throwIfAborted()
        throw diskError(error, attempt)
      }
    })
  }
}
