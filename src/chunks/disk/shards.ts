import fs from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Location } from '../../model/chunk.ts'
import { callFs } from './call-fs.ts'
import { shardNames, shardOfLocation } from './chunk-path.ts'
import { sharedSync } from './shared-sync.ts'

interface Shard {
  readonly fd: number
  readonly sync: () => Promise<void>
}

/**
 * The 256 directories that chunk files stand in. All are there and durable from the beginning, so that storing
 * a chunk creates nothing but its file; each is kept open, so that syncing it costs one call.
 */
export class Shards {
  readonly #shards: ReadonlyMap<string, Shard>

  private constructor(shards: ReadonlyMap<string, Shard>) {
    this.#shards = shards
  }

  /** Creates what is missing, readable by the server's user only. Rejects with what the system reports. */
  static async open(directory: string): Promise<Shards> {
    const created = await mkdir(directory, { recursive: true, mode: 0o700 })
    const there = new Set(await readdir(directory))
    for (const name of shardNames) {
      // Recursive, because another store may be opening the same directory.
      if (!there.has(name)) await mkdir(join(directory, name), { recursive: true, mode: 0o700 })
    }
    const shards = new Map<string, Shard>()
    try {
      for (const name of shardNames) {
        const fd = await openDirectory(join(directory, name))
        shards.set(name, { fd, sync: sharedSync(() => syncDescriptor(fd)) })
      }
      for (const path of directoriesToSync(directory, created)) await syncDirectory(path)
    } catch (error) {
      await closeAll(shards)
      throw error
    }
    return new Shards(shards)
  }

  /** Resolves once every file that was in the location's shard at the call would be found there after a power cut. */
  async sync(location: Location): Promise<void> {
    const shard = this.#shards.get(shardOfLocation(location))
    if (!shard) throw new TypeError(`not a location: ${location}`)
    await shard.sync()
  }

  close(): Promise<void> {
    return closeAll(this.#shards)
  }
}

/**
 * The store's directory and its parent even if both were there: whoever created them may have died before it
 * could sync. Above them only what was created now.
 */
function directoriesToSync(directory: string, created: string | undefined): readonly string[] {
  const paths = [resolve(directory), dirname(resolve(directory))]
  const topmost = dirname(resolve(created ?? directory))
  for (let path = dirname(resolve(directory)); path !== topmost;) {
    path = dirname(path)
    paths.push(path)
  }
  return paths
}

async function syncDirectory(path: string): Promise<void> {
  const fd = await openDirectory(path)
  try {
    await syncDescriptor(fd)
  } finally {
    await callFs((done) => fs.close(fd, done))
  }
}

function openDirectory(path: string): Promise<number> {
  return callFs<number>((done) => fs.open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY, done))
}

function syncDescriptor(fd: number): Promise<void> {
  return callFs((done) => fs.fsync(fd, done))
}

async function closeAll(shards: ReadonlyMap<string, Shard>): Promise<void> {
  await Promise.all(Array.from(shards.values(), ({ fd }) => callFs((done) => fs.close(fd, done))))
}
