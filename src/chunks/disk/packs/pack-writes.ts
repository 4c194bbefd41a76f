import fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Location } from '../../../model/chunk.ts'
import type { Digest } from '../../../model/digest.ts'
import { callFs, type Stop } from '../fs-calls.ts'
import { locationInPack, newPackPath } from '../chunk-path.ts'
import { createFile } from '../create-file.ts'
import { maxEntries, maxPackBytes, writePackHeader } from './pack-header.ts'
import type { Shards } from '../shards.ts'
import type { TemporaryFiles } from '../temporary-files.ts'

interface Put {
  readonly digest: Digest
  readonly pieces: readonly Uint8Array[]
  readonly size: number
  readonly signal: AbortSignal | undefined
  readonly settle: PromiseWithResolvers<Location>
}

/**
 * Writes small chunks into packs. Chunks that arrive while a pack is being written and synced go
 * into the next one together, so that all of them wait for two syncs. A pack gets its name when its
 * bytes are durable, so every pack with a final name is complete.
 */
export class PackWrites {
  readonly #directory: string
  readonly #shards: Shards
  readonly #temporary: TemporaryFiles
  #waiting: Put[] = []
  #isWriting = false

  constructor(directory: string, shards: Shards, temporary: TemporaryFiles) {
    this.#directory = directory
    this.#shards = shards
    this.#temporary = temporary
  }

  /**
   * Resolves once the chunk would survive a power cut. A failure fails all chunks of that pack, and
   * leaves nothing of them. An abort removes the chunk from a pack that is not begun, and ends a
   * pack that nobody wants any more. If it is too late for both, this resolves, and the caller has
   * to delete the chunk.
   */
  put(
    digest: Digest,
    pieces: readonly Uint8Array[],
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<Location> {
    const settle = Promise.withResolvers<Location>()
    this.#waiting.push({ digest, pieces, size, signal, settle })
    if (!this.#isWriting) void this.#writeAll()
    return settle.promise
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    for (let puts = this.#nextPuts(); puts.length > 0; puts = this.#nextPuts()) {
      await this.#writePack(puts)
      // Takes along what has arrived by now, because fewer and larger packs are much faster.
      await nextTurn()
    }
    this.#isWriting = false
  }

  /** As many as fit in a pack, the longest waiting first. */
  #nextPuts(): readonly Put[] {
    const wanted: Put[] = []
    for (const put of this.#waiting) {
      if (put.signal?.aborted) put.settle.reject(put.signal.reason)
      else wanted.push(put)
    }
    let count = 0
    for (let bytes = 0; count < Math.min(wanted.length, maxEntries); count++) {
      bytes += wanted[count]!.size
      if (bytes > maxPackBytes) break
    }
    this.#waiting = wanted.slice(count)
    return wanted.slice(0, count)
  }

  async #writePack(puts: readonly Put[]): Promise<void> {
    try {
      const path = newPackPath()
      const header = writePackHeader(puts.map(({ digest, size }, number) => ({ number, digest, size })))
      const pieces = [header, ...puts.flatMap((put) => put.pieces), header]
      await this.#shards.prepare(path)
      await this.#temporary.create(path, (temporary) =>
        createFile(temporary, pieces, () => this.#name(temporary, path), unlessNobodyWants(puts)),
      )
      for (const [number, { settle }] of puts.entries()) settle.resolve(locationInPack(path, number))
    } catch (error) {
      for (const { settle } of puts) settle.reject(error)
    }
  }

  async #name(temporary: string, path: string): Promise<void> {
    const final = join(this.#directory, path)
    await callFs((done) => fs.rename(temporary, final, done))
    try {
      await this.#shards.sync(path)
    } catch (error) {
      // As with a file that could not be synced: nobody will ever know of these chunks.
      await callFs((done) => fs.unlink(final, done)).catch(() => undefined)
      throw error
    }
  }
}

function unlessNobodyWants(puts: readonly Put[]): Stop {
  return {
    throwIfAborted() {
      if (puts.every(({ signal }) => signal?.aborted)) puts[0]?.signal?.throwIfAborted()
    },
  }
}
