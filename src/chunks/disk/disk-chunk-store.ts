import fs from 'node:fs'
import { join } from 'node:path'
import type { Location } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import { DrainGate } from '../wrappers/drain-gate.ts'
import type {
  CallOptions,
  ChunkStore,
  Batching,
  ListOptions,
  PutOptions,
  ReadOptions,
  StoredChunk,
} from '../chunk-store.ts'
import { callFs, diskError, isMediumError, isNoFile } from './fs-calls.ts'
import { newLocation } from '../chunk-location.ts'
import { parseLocation, type ParsedLocation } from './chunk-path.ts'
import { createFile } from './create-file.ts'
import { chunksAt, listShard } from './list-shard.ts'
import { FdCache } from './fd-cache.ts'
import { PackDeletes } from './packs/pack-deletes.ts'
import { maxEntries, packedBytes } from './packs/pack-header.ts'
import { PackWrites } from './packs/pack-writes.ts'
import { readFromPack } from './packs/read-from-pack.ts'
import { readInSequence } from './read-in-sequence.ts'
import { rewritePack } from './packs/rewrite-pack.ts'
import { Shards } from './shards.ts'
import { TemporaryFiles } from './temporary-files.ts'

/** The batching of every disk chunk store. */
export const diskBatching: Batching = { bytes: packedBytes, concurrency: maxEntries }

export interface DiskChunkStoreOptions {
  /** How many chunk files stay open between reads; 128 by default. */
  readonly maxOpenFiles?: number
  /** Whether up to 256 directories stay open, too; true by default. */
  readonly keepsDirectories?: boolean
  /**
   * Syncs deletes, so that they survive a power cut. Chunks do not need that: one that comes back
   * is garbage, not a loss.
   */
  readonly hasDurableDeletes?: boolean
  /** Creates nothing, not even the directories of an empty store. Do not put or delete then. */
  readonly isReadOnly?: boolean
}

/**
 * Keeps each chunk in its own file, `ab/<digest>.<random>` below one directory, which holds the
 * chunk's bytes and nothing else. Small chunks that arrive together go into a pack,
 * `ab/<random>.pack`, whose header says where each one is. Any number of stores may share a
 * directory. If two delete chunks from one pack at the very same time, the chunks of one may come
 * back as garbage. `list` also shows the file of a put that is running, or that a crash cut short.
 */
export class DiskChunkStore implements ChunkStore {
  readonly #directory: string
  readonly #shards: Shards
  readonly #files: FdCache
  readonly #hasDurableDeletes: boolean
  readonly #temporary: TemporaryFiles
  readonly #packWrites: PackWrites
  readonly #packDeletes = new PackDeletes((path, numbers) => this.#deleteFromPack(path, numbers))
  readonly #calls = new DrainGate()
  #closed: Promise<void> | undefined

  private constructor(directory: string, shards: Shards, files: FdCache, hasDurableDeletes: boolean) {
    this.#directory = directory
    this.#shards = shards
    this.#files = files
    this.#hasDurableDeletes = hasDurableDeletes
    this.#temporary = new TemporaryFiles(directory)
    this.#packWrites = new PackWrites(directory, shards, this.#temporary)
  }

  /**
   * Creates the directory if it is missing, unless the store is read-only. Rejects `no_space`,
   * `unavailable`.
   */
  static async open(
    directory: string,
    {
      maxOpenFiles = 128,
      keepsDirectories = true,
      hasDurableDeletes = false,
      isReadOnly = false,
    }: DiskChunkStoreOptions = {},
  ): Promise<DiskChunkStore> {
    try {
      const shards = await Shards.open(directory, { isKeptOpen: keepsDirectories, isReadOnly })
      return new DiskChunkStore(directory, shards, new FdCache(maxOpenFiles), hasDurableDeletes)
    } catch (error) {
      throw diskError(error, `Cannot open the store in ${directory}`)
    }
  }

  put(
    digest: Digest,
    pieces: readonly Uint8Array[],
    { signal, onTaken }: PutOptions = {},
  ): Promise<Location> {
    return this.#call(`Cannot store chunk ${digest}`, signal, () => {
      const size = pieces.reduce((sum, { length }) => sum + length, 0)
      return size > packedBytes
        ? this.#putFile(digest, pieces, signal, onTaken)
        : this.#putIntoPack(digest, pieces, size, signal)
    })
  }

  read(location: Location, offset: number, into: Uint8Array, { signal }: ReadOptions): Promise<void> {
    return this.#call(`Cannot read chunk ${location}`, signal, async () => {
      const parsed = parseLocation(location)
      const path = this.#path(parsed.path)
      const count = await this.#files
        .withFile(path, (fd, kept) =>
          parsed.kind === 'entry'
            ? readFromPack(fd, kept, { location, number: parsed.number }, offset, into, signal)
            : readInSequence(fd, kept, offset, into, signal),
        )
        .catch(async (error: unknown) => {
          if (isMediumError(error) || isNoFile(error)) {
            throw new StoreError('corrupt', `The disk cannot read the chunk at ${location}.`, {
              cause: error,
            })
          }
          if (!(await this.#shards.isAbsence(error, parsed.path))) throw error
          throw new StoreError('not_found', `There is no chunk at ${location}.`, { cause: error })
        })
      if (count < into.length) {
        throw new StoreError('corrupt', `The chunk at ${location} ends before byte ${offset + into.length}.`)
      }
    })
  }

  delete(location: Location, { signal }: CallOptions = {}): Promise<void> {
    return this.#call(`Cannot delete chunk ${location}`, signal, async () => {
      const parsed = parseLocation(location)
      if (parsed.kind === 'entry') await this.#packDeletes.delete(parsed.path, parsed.number)
      else await this.#delete(parsed.path, (path) => callFs((done) => fs.unlink(path, done)))
    })
  }

  /** Sorted by location. Keeps the names of one shard and one header in memory. */
  async *list({ signal, after = '' as Location }: ListOptions = {}): AsyncGenerator<StoredChunk> {
    // Only each step is a call, so that an abandoned listing does not keep the store from closing.
    const step = <T>(call: () => Promise<T>) => this.#call('Cannot list chunks', signal, call)
    for (const shard of await step(() => this.#shards.list())) {
      if (shard < after.slice(0, 2)) continue
      for (const parsed of await step(() => this.#listShard(shard))) {
        if (this.#temporary.has(parsed.path) || isBefore(parsed, after)) continue
        const chunks = await step(() => chunksAt(this.#directory, parsed))
        for (const chunk of chunks) if (chunk.location > after) yield chunk
      }
    }
  }

  /**
   * Resolves when running calls have settled and every descriptor is closed. Later calls reject
   * `unavailable`.
   */
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

  async #putFile(
    digest: Digest,
    pieces: readonly Uint8Array[],
    signal: AbortSignal | undefined,
    onTaken: (() => void) | undefined,
  ): Promise<Location> {
    const location = newLocation(digest)
    await this.#shards.prepare(location)
    const syncName = () => this.#shards.sync(location)
    await createFile(this.#path(location), pieces, syncName, signal, onTaken)
    return location
  }

  async #putIntoPack(
    digest: Digest,
    pieces: readonly Uint8Array[],
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<Location> {
    const location = await this.#packWrites.put(digest, pieces, size, signal)
    if (!signal?.aborted) return location
    // The others of that pack were waited for. What cannot be deleted can be listed.
    const { path, number } = parseLocation(location) as ParsedLocation & { readonly kind: 'entry' }
    await this.#packDeletes.delete(path, number).catch(() => undefined)
    throw signal.reason
  }

  #deleteFromPack(packPath: string, numbers: ReadonlySet<number>): Promise<void> {
    return this.#delete(packPath, (path) =>
      rewritePack(path, numbers, (write) => this.#temporary.create(packPath, write)),
    )
  }

  async #delete(pathInStore: string, remove: (path: string) => Promise<void>): Promise<void> {
    const path = this.#path(pathInStore)
    await remove(path).catch(async (error: unknown) => {
      if (!(await this.#shards.isAbsence(error, pathInStore))) throw error
    })
    // Only when the bytes are gone: otherwise a read could reopen the file and keep them readable.
    this.#files.drop(path)
    if (this.#hasDurableDeletes) await this.#shards.sync(pathInStore)
  }

  async #listShard(shard: string): Promise<readonly ParsedLocation[]> {
    const found = await listShard(this.#directory, shard)
    // The chunks of another store must not look like orphans of this one.
    await this.#shards.confirm()
    return found
  }

  #path(path: string): string {
    return join(this.#directory, path)
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

function isBefore({ path }: ParsedLocation, after: Location): boolean {
  return path < after && !after.startsWith(path)
}
