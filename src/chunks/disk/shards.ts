import fs from 'node:fs'
import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { callFs, isAbsence } from './fs-calls.ts'
import { shardNames, shardOf } from './chunk-path.ts'
import { DirectoryIdentity } from './directory-identity.ts'
import {
  makeDirectory,
  makeDurableDirectory,
  openDirectory,
  syncDescriptor,
  syncDirectory,
} from './durable-directory.ts'
import { sharedSync } from './shared-sync.ts'

interface Shard {
  /** Undefined if the directory is opened for each sync. */
  readonly fd?: number
  readonly sync: () => Promise<void>
}

export interface ShardsOptions {
  /**
   * Keeps each directory open after its first sync, so that syncing it takes one call; true by
   * default.
   */
  readonly isKeptOpen?: boolean
  /** Creates nothing, and rejects if the directory of the store is missing. */
  readonly isReadOnly?: boolean
}

/**
 * The directories that chunk files are in, at most 256. They are created sixteen at a time when one
 * of them is first written to: all of them would take longer than the rest of a start, and one at a
 * time would add a sync to most of the first writes.
 */
export class Shards {
  readonly #directory: string
  readonly #isKeptOpen: boolean
  readonly #identity: DirectoryIdentity
  /** Shards that would survive a power cut. */
  readonly #durable: Set<string>
  readonly #rows = new Map<string, Promise<void>>()
  readonly #open = new Map<string, Promise<Shard>>()
  readonly #syncRoot: () => Promise<void>

  private constructor(
    directory: string,
    isKeptOpen: boolean,
    identity: DirectoryIdentity,
    durable: Set<string>,
  ) {
    this.#directory = directory
    this.#isKeptOpen = isKeptOpen
    this.#identity = identity
    this.#durable = durable
    this.#syncRoot = sharedSync(() => syncDirectory(directory))
  }

  /**
   * Creates the store's directory, readable by the server's user only. Rejects with the system's
   * error.
   */
  static async open(
    directory: string,
    { isKeptOpen = true, isReadOnly = false }: ShardsOptions = {},
  ): Promise<Shards> {
    let there: readonly string[] = []
    const look = async () => {
      there = await shardsIn(directory)
    }
    // The sync after `look` makes everything that it saw durable: a killed server may not have
    // synced it.
    await (isReadOnly ? look() : makeDurableDirectory(directory, look))
    return new Shards(directory, isKeptOpen, await DirectoryIdentity.of(directory), new Set(there))
  }

  /** Sorted names of the shards that exist. */
  async list(): Promise<readonly string[]> {
    const there = await shardsIn(this.#directory)
    await this.#identity.confirm()
    // A shard that existed and is gone must not look empty.
    return [...new Set([...there, ...this.#durable])].sort()
  }

  /** Resolves once the shard of the path exists and would survive a power cut. */
  async prepare(path: string): Promise<void> {
    const name = shardOf(path)
    if (this.#durable.has(name)) return
    const row = name.slice(0, 1)
    await once(this.#rows, row, () => this.#createRow(row))
  }

  /**
   * Resolves once every file that was in the shard at the time of the call would survive a power
   * cut. Rejects `unavailable` if the store's path leads elsewhere by then.
   */
  async sync(path: string): Promise<void> {
    const name = shardOf(path)
    try {
      const open = () => this.#openShard(join(this.#directory, name))
      const shard = await once(this.#open, name, open)
      await shard.sync()
    } catch (error) {
      // A delete in a shard that was never created has found nothing.
      if (this.#durable.has(name) || !(await this.isAbsence(error, path))) throw error
    }
  }

  /**
   * Whether a call on a path in this store failed because the file does not exist. Rejects if its
   * directory is gone too, or if the store is elsewhere, as when a disk was removed: then nothing
   * is known about the file.
   */
  async isAbsence(error: unknown, path: string): Promise<boolean> {
    const isKnown = this.#durable.has(shardOf(path))
    const isAbsent = isKnown ? await isAbsence(error, join(this.#directory, path)) : isEnoent(error)
    if (isAbsent) await this.#identity.confirm()
    return isAbsent
  }

  /** Rejects `unavailable` if the store's path now leads elsewhere. */
  confirm(): Promise<void> {
    return this.#identity.confirm()
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values())
    const shards = opened.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.fd : undefined))
    const descriptors = shards.filter((fd) => fd !== undefined)
    await Promise.all(descriptors.map((fd) => callFs((done) => fs.close(fd, done))))
  }

  /**
   * A sync counts only if the store is still in its place afterwards: otherwise the files may have
   * been written elsewhere.
   */
  async #openShard(path: string): Promise<Shard> {
    const confirmed = (sync: () => Promise<void>) =>
      sharedSync(() => sync().then(() => this.#identity.confirm()))
    if (!this.#isKeptOpen) return { sync: confirmed(() => syncDirectory(path)) }
    const fd = await openDirectory(path)
    return { fd, sync: confirmed(() => syncDescriptor(fd)) }
  }

  async #createRow(row: string): Promise<void> {
    const missing = shardNames.filter((name) => name.startsWith(row) && !this.#durable.has(name))
    await this.#identity.confirm()
    const created: string[] = []
    try {
      for (const name of missing) {
        const path = await makeDirectory(join(this.#directory, name))
        if (path) created.push(path)
      }
      await this.#syncRoot()
    } catch (error) {
      // A second sync of the same entries could report success falsely: the next attempt must
      // create them again.
      for (const path of created) await rmdir(path).catch(() => undefined)
      throw error
    }
    for (const name of missing) this.#durable.add(name)
  }
}

function isEnoent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

async function shardsIn(directory: string): Promise<readonly string[]> {
  const there = new Set(await readdir(directory))
  return shardNames.filter((name) => there.has(name))
}

/** Calls `make` once for each key. A failure is forgotten, so that the next call tries again. */
async function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = made.get(key)
  if (known) return known
  const promise = make()
  made.set(key, promise)
  try {
    return await promise
  } catch (error) {
    made.delete(key)
    throw error
  }
}
