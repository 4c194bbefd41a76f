import type { Catalog, CommittedFile } from '../../catalog/catalog.ts'
import { withMethods } from '../../catalog/with-methods.ts'
import type { FileId, FileName, FileRef, Space, StoredFile } from '../../model/file.ts'

/** Larger files go through the pipeline. */
export const mostHotBytes = 64 * 1024

/** What is known of a file takes about this much memory, whatever its size, */
const entryBytes = 2048
/**
 * or this much per character of its name, type and metadata, if that is more: its headers repeat
 * the name, and metadata may have many short keys.
 */
const bytesPerCharacter = 16

/** A small file with all of its verified bytes. They stay until `release` is called, once. */
export interface HotFile {
  readonly file: StoredFile
  readonly bytes: Buffer
  readonly release: () => void
}

/** Room for a small file whose bytes the caller is about to read. */
export interface RoomForFile extends HotFile {
  /** Shares the bytes, which are there and verified, unless any file changed since `changes`. */
  readonly keep: (changes: number) => void
}

interface Entry {
  readonly file: StoredFile
  readonly bytes: Buffer
  /** All memory that it takes. */
  readonly cost: number
  users: number
  isKept: boolean
}

/**
 * Small files that were requested lately, in memory: at most `maxBytes`, including those that are
 * already dropped but still being sent. The least recently used goes first.
 *
 * It knows what a name means only while nobody else changes the catalog, so all changes must go
 * through `watch`. If others change it, too (`isShared`), the catalog must be asked, and the cache
 * has only the bytes of the file that it names.
 */
export class SmallFileCache {
  readonly #maxBytes: number
  readonly #isShared: boolean
  /** From the least to the most recently used. */
  readonly #byId = new Map<FileId, Entry>()
  readonly #byName = new Map<Space, Map<FileName, Entry>>()
  #bytes = 0
  #changes = 0

  constructor(maxBytes: number, isShared: boolean) {
    this.#maxBytes = maxBytes
    this.#isShared = isShared
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#bytes
  }

  /** Counts changes of files: what the catalog said before a change may no longer be true. */
  get changes(): number {
    return this.#changes
  }

  /** The file that the ref names now, if it is in memory. */
  find(space: Space, ref: FileRef): HotFile | undefined {
    if (this.#isShared) return undefined
    const entry = this.#entry(space, ref)
    return entry && this.#use(entry)
  }

  /** The file that the catalog has just named, if its bytes are in memory. */
  findBytes(file: StoredFile): HotFile | undefined {
    const entry = this.#byId.get(file.id)
    return entry && { ...this.#use(entry), file }
  }

  /** Undefined if there is no room for it now, or never will be. */
  makeRoom(file: StoredFile): RoomForFile | undefined {
    const { size } = file
    if (size > mostHotBytes) return undefined
    const cost = costOf(file)
    const mostOthers = this.#maxBytes - cost
    for (const entry of this.#byId.values()) {
      if (this.#bytes <= mostOthers) break
      if (entry.users === 0) this.#forget(entry)
    }
    if (this.#bytes > mostOthers) return undefined
    this.#bytes += cost
    const entry: Entry = { file, bytes: Buffer.allocUnsafeSlow(size), cost, users: 0, isKept: false }
    return { ...this.#use(entry), keep: (changes) => this.#keep(entry, changes) }
  }

  /**
   * Wraps the catalog: drops what it changes before anybody learns of the change, also if its
   * outcome is unknown.
   */
  watch(catalog: Catalog): Catalog {
    return withMethods(catalog, {
      createFile: (file) =>
        this.#changing(catalog.createFile(file), () => this.#forgetRef(file.space, { name: file.name })),
      finishUploads: (uploads) =>
        this.#changing(catalog.finishUploads(uploads), (committed) => this.#forgetNames(committed)),
      updateFile: (space, ref, ...rest) =>
        this.#changing(catalog.updateFile(space, ref, ...rest), () => this.#forgetRef(space, ref)),
      deleteFile: (space, ref, ...rest) =>
        this.#changing(catalog.deleteFile(space, ref, ...rest), () => this.#forgetRef(space, ref)),
    })
  }

  async #changing<T>(change: Promise<T>, forget: (answer: T | undefined) => void): Promise<T> {
    let answer: T | undefined
    try {
      answer = await change
      return answer
    } finally {
      this.#changes++
      forget(answer)
    }
  }

  #forgetNames(committed: readonly CommittedFile[] | undefined): void {
    if (committed) for (const { file } of committed) this.#forgetRef(file.space, { name: file.name })
    // Only the catalog knows the names of uploads.
    else for (const entry of this.#byId.values()) this.#forget(entry)
  }

  #forgetRef(space: Space, ref: FileRef): void {
    const entry = this.#entry(space, ref)
    if (entry) this.#forget(entry)
  }

  #entry(space: Space, ref: FileRef): Entry | undefined {
    if ('name' in ref) return this.#byName.get(space)?.get(ref.name)
    const entry = this.#byId.get(ref.id)
    return entry?.file.space === space ? entry : undefined
  }

  #keep(entry: Entry, changes: number): void {
    const { id, space, name } = entry.file
    if (changes !== this.#changes || this.#byId.has(id)) return
    entry.isKept = true
    this.#byId.set(id, entry)
    const names = this.#byName.get(space) ?? new Map<FileName, Entry>()
    this.#byName.set(space, names.set(name, entry))
  }

  #use(entry: Entry): HotFile {
    const { file, bytes } = entry
    entry.users++
    if (entry.isKept) {
      this.#byId.delete(file.id)
      this.#byId.set(file.id, entry)
    }
    const release = () => {
      entry.users--
      this.#giveBack(entry)
    }
    return { file, bytes, release }
  }

  #forget(entry: Entry): void {
    const { id, space, name } = entry.file
    this.#byId.delete(id)
    const names = this.#byName.get(space)
    if (names?.get(name) === entry) names.delete(name)
    if (names?.size === 0) this.#byName.delete(space)
    entry.isKept = false
    this.#giveBack(entry)
  }

  #giveBack({ cost, users, isKept }: Entry): void {
    if (!isKept && users === 0) this.#bytes -= cost
  }
}

function costOf({ size, name, mediaType, metadata }: StoredFile): number {
  const { length } = JSON.stringify([name, mediaType, metadata])
  return size + Math.max(entryBytes, bytesPerCharacter * length)
}
