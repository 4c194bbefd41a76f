import { closeSync, fdatasync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from './sync-directory.ts'

/*
 * A small file beside the database that counts the committed transactions. It is written before any
 * of them is acknowledged, so a database that has counted fewer has lost acknowledged changes: its
 * log was damaged or removed, or an old copy was put back. A kill between a commit and its note
 * leaves a database that has counted more, and nothing of that was acknowledged.
 *
 * The note is synced in the background, because a sync before each answer made small uploads a
 * sixth slower. So after a power cut the note may lack the last moments, and damage to just that
 * part of the log is not noticed.
 */

const slotBytes = 4096
const slots = [0, 1]

function pathOf(catalogPath: string): string {
  return `${catalogPath}.commits`
}

/** The highest count noted; undefined if there is no note or neither slot is readable. */
export function readNote(catalogPath: string): number | undefined {
  const bytes = contentOf(pathOf(catalogPath))
  const counts = slots.flatMap((slot) =>
    parseSlot(bytes.toString('latin1', slot * slotBytes, slot * slotBytes + 80)),
  )
  return counts.length === 0 ? undefined : Math.max(...counts)
}

/** How long after a write the note is synced. */
const syncAfterMs = 100

/**
 * One of the two slots always holds what was last synced, so a torn write leaves an older count.
 */
export class CommitNote {
  readonly #fd: number
  #slot = 0
  #timer: NodeJS.Timeout | undefined
  #isSyncing = false
  #isUnsynced = false
  #isClosed = false
  #failure: Error | undefined

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** Notes `count` durably. */
  static open(catalogPath: string, count: number): CommitNote {
    const path = pathOf(catalogPath)
    const isNew = contentOf(path).length === 0
    const fd = openSync(path, isNew ? 'w' : 'r+', 0o600)
    for (const slot of slots) writeSync(fd, slotFor(count), 0, slotBytes, slot * slotBytes)
    fsyncSync(fd)
    if (isNew) syncDirectory(dirname(path))
    return new CommitNote(fd)
  }

  /** Notes `count` so that it survives a kill. Throws if a write, or an earlier sync, failed. */
  note(count: number): void {
    if (this.#failure) throw this.#failure
    writeSync(this.#fd, slotFor(count), 0, slotBytes, this.#slot * slotBytes)
    this.#isUnsynced = true
    this.#syncSoon()
  }

  /** Syncs what is not synced yet. */
  close(): void {
    clearTimeout(this.#timer)
    this.#isClosed = true
    if (this.#isUnsynced) fsyncSync(this.#fd)
    if (!this.#isSyncing) closeSync(this.#fd)
  }

  #syncSoon(): void {
    if (this.#timer || this.#isSyncing) return
    this.#timer = setTimeout(() => this.#sync(), syncAfterMs)
    this.#timer.unref()
  }

  #sync(): void {
    this.#timer = undefined
    this.#slot = 1 - this.#slot
    this.#isUnsynced = false
    this.#isSyncing = true
    fdatasync(this.#fd, (error) => {
      this.#isSyncing = false
      if (this.#isClosed) closeSync(this.#fd)
      // Nothing is synced twice: the kernel may have dropped what it could not write.
      if (error) this.#failure = error
      else if (this.#isUnsynced && !this.#isClosed) this.#syncSoon()
    })
  }
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
