import fs from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { callFs } from './call-fs.ts'
import { shardNames, shardOf } from './chunk-path.ts'
import { makeDurableDirectory, openDirectory, syncDescriptor, syncDirectory } from './durable-directory.ts'
import { DirectoryIdentity } from './directory-identity.ts'
import { sharedSync } from './shared-sync.ts'

interface Shard {
  /** Absent where it is opened for each sync. */
  readonly fd?: number
  readonly sync: () => Promise<void>
}

/**
 * The 256 directories that chunk files stand in. All are there and durable from the beginning, so that storing
 * a chunk creates nothing but its file. Where the process may have files enough each is kept open, so that
 * syncing it costs one call.
 */
export class Shards {
  readonly #shards: ReadonlyMap<string, Shard>

  private constructor(shards: ReadonlyMap<string, Shard>) {
    this.#shards = shards
  }

  /** Of a store that is only read. */
  static readonly none = new Shards(new Map())

  /** Creates what is missing, readable by the server's user only. Rejects with what the system reports. */
  static async open(directory: string, isKeptOpen = true): Promise<Shards> {
    const shards = new Map<string, Shard>()
    try {
      await makeDurableDirectory(directory, async () => {
        const there = new Set(await readdir(directory))
        const identity = await DirectoryIdentity.of(directory)
        for (const name of shardNames) {
          const path = join(directory, name)
          // Recursive, because another store may be opening the same directory.
          if (!there.has(name)) await mkdir(path, { recursive: true, mode: 0o700 })
          shards.set(name, await openShard(path, isKeptOpen, () => identity.confirm()))
        }
      })
    } catch (error) {
      await closeAll(shards)
      throw error
    }
    return new Shards(shards)
  }

  /**
   * Resolves once every file that was in the same shard at the call would be found there after a power cut. Rejects
   * `unavailable` if the path of the store leads elsewhere by then.
   */
  async sync(path: string): Promise<void> {
    const shard = this.#shards.get(shardOf(path))
    if (!shard) throw new TypeError(`in no shard: ${path}`)
    await shard.sync()
  }

  close(): Promise<void> {
    return closeAll(this.#shards)
  }
}

/** A sync is good only if `confirm` resolves after it: what was written may be in another directory by now. */
async function openShard(path: string, isKeptOpen: boolean, confirm: () => Promise<void>): Promise<Shard> {
  const confirmed = (sync: () => Promise<void>) => sharedSync(() => sync().then(confirm))
  if (!isKeptOpen) return { sync: confirmed(() => syncDirectory(path)) }
  const fd = await openDirectory(path)
  return { fd, sync: confirmed(() => syncDescriptor(fd)) }
}

async function closeAll(shards: ReadonlyMap<string, Shard>): Promise<void> {
  const open = Array.from(shards.values(), ({ fd }) => fd).filter((fd) => fd !== undefined)
  await Promise.all(open.map((fd) => callFs((done) => fs.close(fd, done))))
}
