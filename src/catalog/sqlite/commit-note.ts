import { closeSync, fdatasync, fsyncSync, openSync, readFileSync, write, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from './sync-directory.ts'

/*
 * A small file beside the database that says how many transactions have been committed. It is synced
 * before any of them is acknowledged. So a database that has counted fewer has lost acknowledged
 * changes: its log was damaged or removed, or somebody put back an old copy. A kill between a commit
 * and its note leaves a database that has counted more, and nothing of that was acknowledged.
 */

const slotBytes = 4096
const slots = [0, 1]

function pathOf(catalogPath: string): string {
  return `${catalogPath}.commits`
}

/** The highest count that was noted; undefined if there is no note, or neither half of it can be read. */
export function readNote(catalogPath: string): number | undefined {
  const bytes = contentOf(pathOf(catalogPath))
  const counts = slots.flatMap((slot) =>
    parseSlot(bytes.toString('latin1', slot * slotBytes, slot * slotBytes + 80)),
  )
  return counts.length === 0 ? undefined : Math.max(...counts)
}

/** Writes into two places in turn, so that a torn write leaves the count before. */
export class CommitNote {
  readonly #fd: number
  #slot = 0
  #count: number
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined

  private constructor(fd: number, count: number) {
    this.#fd = fd
    this.#count = count
  }

  /** Says `count` from now on, durably. */
  static open(catalogPath: string, count: number): CommitNote {
    const path = pathOf(catalogPath)
    const isNew = contentOf(path).length === 0
    const fd = openSync(path, isNew ? 'w' : 'r+', 0o600)
    for (const slot of slots) writeSync(fd, slotFor(count), 0, slotBytes, slot * slotBytes)
    fsyncSync(fd)
    if (isNew) syncDirectory(dirname(path))
    return new CommitNote(fd, count)
  }

  /** Resolves once the note says at least `count`, durably. Calls that come while it is being written share the next write. */
  note(count: number): Promise<void> {
    this.#count = count
    this.#next ??= this.#writeAfter(this.#writing)
    return this.#next
  }

  close(): void {
    closeSync(this.#fd)
  }

  async #writeAfter(before: Promise<void> | undefined): Promise<void> {
    // Whatever failed once is not synced again: the kernel may have dropped what it could not write.
    await before
    this.#writing = this.#next
    this.#next = undefined
    this.#slot = 1 - this.#slot
    await writeSlot(this.#fd, this.#count, this.#slot)
  }
}

function writeSlot(fd: number, count: number, slot: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, slotFor(count), 0, slotBytes, slot * slotBytes, (error) => {
      if (error) reject(error)
      else fdatasync(fd, (failure) => (failure ? reject(failure) : resolve()))
    })
  })
}

function slotFor(count: number): Buffer {
  const text = `ashlar commits ${count}`
  return Buffer.from(`${text} ${crc32(text)}\n`.padEnd(slotBytes))
}

function parseSlot(slot: string): number[] {
  const [, text, count, sum] = /^(ashlar commits (\d+)) (\d+)\n/.exec(slot) ?? []
  return text !== undefined && crc32(text) === Number(sum) ? [Number(count)] : []
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return Buffer.alloc(0)
  }
}
