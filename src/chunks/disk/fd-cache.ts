import fs from 'node:fs'
import { callFs } from './fs-calls.ts'
import type { PackHeader } from './packs/pack-header.ts'

/** What is known about a file while it stays open. */
export interface KeptOpen {
  /** The header of a pack, once a read has asked for it. */
  header?: Promise<PackHeader | undefined>
  /**
   * The first read of the beginning of a chunk's own file. It resolves when that read has settled.
   */
  beginning?: Promise<void>
}

interface OpenFile extends KeptOpen {
  readonly path: string
  readonly opened: Promise<number>
  /** Undefined while the file is being opened, and if that failed. */
  fd?: number
  /** Reads that wait for the file or are running. */
  users: number
}

/**
 * Keeps files open between reads, and closes the least recently used first. It never closes a
 * descriptor in use: more than `limit` are open only while more reads than that are running. It is
 * not an ordinary LRU cache, because those evict entries in use as well.
 */
export class FdCache {
  /** From the least to the most recently used. */
  readonly #files = new Map<string, OpenFile>()
  readonly #closing = new Set<Promise<void>>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Settles as `read` does, and keeps its descriptor open until then. Concurrent reads of a file
   * open it once. If the file cannot be opened, rejects with the system's error; the next call
   * tries again.
   */
  async withFile<T>(path: string, read: (fd: number, kept: KeptOpen) => Promise<T>): Promise<T> {
    const file = this.#files.get(path) ?? this.#open(path)
    file.users += 1
    this.#files.delete(path)
    this.#files.set(path, file)
    this.#trim()
    try {
      return await read(await file.opened, file)
    } finally {
      file.users -= 1
      if (this.#isKept(file)) this.#trim()
      else this.#closeIfIdle(file)
    }
  }

  /** Forgets the file, so that the next read opens it again. Running reads are not affected. */
  drop(path: string): void {
    const file = this.#files.get(path)
    if (!file) return
    this.#files.delete(path)
    this.#closeIfIdle(file)
  }

  /** Forgets all files. Resolves when every descriptor is closed that no read is using. */
  async close(): Promise<void> {
    for (const path of this.#files.keys()) this.drop(path)
    await Promise.all(this.#closing)
  }

  #open(path: string): OpenFile {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const file: OpenFile = { path, opened: promise, users: 0 }
    // Without O_NONBLOCK, opening a FIFO in a chunk's place would wait for a writer.
    fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK, (error, fd) => {
      if (error) {
        if (this.#isKept(file)) this.#files.delete(path)
        reject(error)
      } else {
        file.fd = fd
        resolve(fd)
      }
    })
    return file
  }

  #isKept(file: OpenFile): boolean {
    return this.#files.get(file.path) === file
  }

  #trim(): void {
    if (this.#files.size <= this.#limit) return
    for (const file of this.#files.values()) {
      if (file.users === 0) this.drop(file.path)
      if (this.#files.size <= this.#limit) return
    }
  }

  #closeIfIdle({ fd, users }: OpenFile): void {
    if (users > 0 || fd === undefined) return
    const closed = callFs((done) => fs.close(fd, done))
    this.#closing.add(closed)
    closed.then(
      () => this.#closing.delete(closed),
      // It stays in the set, so that `close` rejects with it.
      () => undefined,
    )
  }
}
