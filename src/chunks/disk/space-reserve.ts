import { randomBytes } from 'node:crypto'
import { open, rm, stat, statfs, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { DirectoryIdentity } from './directory-identity.ts'
import { diskError } from './fs-calls.ts'
import { freeBytes } from './free-bytes.ts'

const MiB = 1024 * 1024
/** Room for the log of a catalog, and for as many packs as are rewritten at a time. */
const mostBytes = 16 * MiB
/** The largest share of a small disk. */
const mostOfDisk = 1 / 8
/** It is given up in this many steps, so that another program cannot take all of it at once. */
const steps = 4
/** How long to leave the disk alone after a failure. */
const pauseMs = 60_000

/**
 * A file of random bytes that keeps disk space for deletions, collections and the start. When one
 * of them finds the disk full, it shrinks the file and tries again. Nothing else may use that
 * space: `free` never counts it.
 */
export class SpaceReserve {
  readonly #path: string
  readonly #directory: DirectoryIdentity
  readonly #bytes: number
  #filling: Promise<void> | undefined
  #failedAt = -Infinity

  private constructor(path: string, directory: DirectoryIdentity, bytes: number) {
    this.#path = path
    this.#directory = directory
    this.#bytes = bytes
  }

  /**
   * The reserve on the disk of this path, in a directory that exists. Creates nothing yet. Rejects
   * `unavailable`.
   */
  static async at(path: string): Promise<SpaceReserve> {
    try {
      const { blocks, bsize } = await statfs(dirname(path))
      const bytes = Math.min(mostBytes, Math.floor(blocks * bsize * mostOfDisk))
      return new SpaceReserve(path, await DirectoryIdentity.of(dirname(path)), bytes)
    } catch (error) {
      throw diskError(error, 'cannot see how much space is free')
    }
  }

  /**
   * How many bytes can be written before less than `least` is free beside the reserve; `Infinity`
   * if the file system does not report its size. Starts to fill the reserve if possible. Rejects
   * `unavailable`.
   */
  async free(least: number): Promise<number> {
    const missing = await this.#missing()
    if (missing > 0) void this.fill()
    return freeBytes(dirname(this.#path), least + missing)
  }

  /**
   * Fills the reserve to its full size if there is room for twice as much. Never rejects: `free`
   * tells what is missing.
   */
  fill(): Promise<void> {
    if (performance.now() - this.#failedAt < pauseMs) return Promise.resolve()
    this.#filling ??= this.#fill()
      .catch(() => {
        this.#failedAt = performance.now()
      })
      .finally(() => {
        this.#filling = undefined
      })
    return this.#filling
  }

  /** Gives up a part of the reserve. Resolves with false if none is left. Rejects `unavailable`. */
  async release(): Promise<boolean> {
    await this.#filling
    try {
      const size = await sizeOf(this.#path)
      if (size === undefined) return false
      const left = size - Math.ceil(this.#bytes / steps)
      // The file's directory entry takes up space, too.
      await (left > 0 ? truncate(this.#path, left) : rm(this.#path, { force: true }))
      return true
    } catch (error) {
      throw diskError(error, `Cannot give up space of ${this.#path}`)
    }
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#failedAt = Infinity
    await this.#filling
  }

  async #missing(): Promise<number> {
    try {
      return Math.max(0, this.#bytes - ((await sizeOf(this.#path)) ?? 0))
    } catch (error) {
      throw diskError(error, 'cannot see how much space is kept for deletions')
    }
  }

  async #fill(): Promise<void> {
    const missing = await this.#missing()
    if (missing === 0 || (await freeBytes(dirname(this.#path), missing)) < missing) return
    // If the disk was unmounted, this would fill another one.
    await this.#directory.confirm()
    // Random bytes, because a file system that compresses would keep no space for zeros.
    const piece = await promisify(randomBytes)(Math.min(MiB, missing))
    const before = this.#bytes - missing
    const file = await open(this.#path, 'a', 0o600)
    try {
      for (let left = missing; left > 0; left -= piece.length) {
        await file.writeFile(piece.subarray(0, Math.min(left, piece.length)))
      }
    } catch (error) {
      await file.truncate(before)
      throw error
    } finally {
      // Not synced: what a power cut takes is filled again.
      await file.close()
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
