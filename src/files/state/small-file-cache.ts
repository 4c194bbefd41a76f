import type { Catalog, CommittedFile } from '../../catalog/catalog.ts'
import { withMethods } from '../../catalog/with-methods.ts'
import type { FileId, FileName, FileRef, Space, StoredFile } from '../../model/file.ts'

/** A larger file is worth the way through the pipeline. */
export const mostHotBytes = 64 * 1024

/** What is known of a file takes about as much, whatever its bytes, */
const entryBytes = 2048
/**
 * or so much for each character of its name, type and metadata, where that is more: its headers
 * repeat the name, and keys of metadata may be short and many.
 */
const bytesPerCharacter = 16

/**
 * A small file with all of its bytes, as they were when they were verified. They stay until
 * `release` is called, once.
 */
export interface HotFile {
  readonly file: StoredFile
  readonly bytes: Buffer
  readonly release: () => void
}

/** Room for a small file, of which somebody is about to read the bytes. */
export interface RoomForFile extends HotFile {
  /**
   * The bytes are there and verified: others can have them from now on, unless a file has changed
   * since `changes`.
   */
  readonly keep: (changes: number) => void
}

interface Entry {
  readonly file: StoredFile
  readonly bytes: Buffer
  /** All that it takes. */
  readonly cost: number
  users: number
  isKept: boolean
}

/**
 * Small files that were asked for lately, in memory. They take `maxBytes` at most, those included
 * that are forgotten and still being sent. The least recently used goes first.
 *
 * What a name means is known here only while nobody else changes the catalog: all changes have to
 * go through `watch`. Where others change it, too (`isShared`), it is to be asked, and only the
 * bytes of the file that it names are here.
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

  /** Bytes that are taken. */
  get bytes(): number {
    return this.#bytes
  }

  /** Goes up with every change of a file: what the catalog said before may not be true any more. */
  get changes(): number {
    return this.#changes
  }

  /** What the ref means now, if it is here. */
  find(space: Space, ref: FileRef): HotFile | undefined {
    if (this.#isShared) return undefined
    const entry = this.#entry(space, ref)
    return entry && this.#use(entry)
  }

  /** The file that the catalog has just named, if its bytes are here. */
  findBytes(file: StoredFile): HotFile | undefined {
    const entry = this.#byId.get(file.id)
    return entry && { ...this.#use(entry), file }
  }

  /** Undefined where there is no room for it, or will never be. */
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
   * The same catalog: what it changes is forgotten here before anybody hears of the change, or that
   * nobody knows what came of it.
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
