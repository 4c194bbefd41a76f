import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DiskFile } from './disk-file.ts'
import { Pending, type Survives } from './pending.ts'
import type { JournalRecord } from './read-journal.ts'

type Node = DiskFile | DiskDirectory

/** Entries that change together: of one directory, or of two where something moves. */
interface Move {
  readonly entries: readonly {
    readonly directory: DiskDirectory
    readonly name: string
    readonly node: Node | undefined
  }[]
  isSynced: boolean
}

class DiskDirectory {
  /** As a program sees them. */
  readonly entries = new Map<string, Node>()
  readonly synced = new Map<string, Node>()
  readonly pending = new Pending<Move>(fold)
}

/**
 * What a disk holds while changes are made to it. It forgets, at a power cut, whatever a file
 * system may: what a file got since it was last synced, and the names that a directory got since
 * *that* was; a file whose name is forgotten is gone, however well it was synced.
 */
export class Disk {
  readonly #path: string
  readonly #root = new DiskDirectory()
  readonly #objects: Map<bigint, Node>

  /** A disk whose root is at `path`, empty and synced. */
  constructor(path: string, inode: bigint) {
    this.#path = path
    this.#objects = new Map([[inode, this.#root]])
  }

  apply({ kind, object, number, path, bytes }: JournalRecord): void {
    switch (kind) {
      case 'create':
        this.#enter(path, new DiskFile(), object)
        return
      case 'mkdir':
        this.#enter(path, new DiskDirectory(), object)
        return
      case 'write':
        this.#file(object).write(number, bytes)
        return
      case 'truncate':
        this.#file(object).truncate(number)
        return
      case 'sync-begin':
        this.#object(object).pending.beginSync(number)
        return
      case 'sync-end':
        this.#object(object).pending.endSync(number)
        return
      case 'unlink':
      case 'rmdir':
        this.#change([[path, undefined]])
        return
      case 'link':
        this.#change([[bytes.toString(), this.#at(path)]])
        return
      case 'rename':
        this.#change([
          [path, undefined],
          [bytes.toString(), this.#at(path)],
        ])
        return
      case 'unsupported':
        throw new Error(`the server changes files by ${path}, which cannot be replayed`)
    }
  }

  /**
   * Writes what a power cut would leave now to a directory that is not there yet. The disk goes on
   * as before.
   */
  async writeRemains(directory: string, survives: Survives): Promise<void> {
    const decisions = new Map<Move, boolean>()
    const isMade = (move: Move) => {
      if (move.isSynced) return true
      if (!decisions.has(move)) decisions.set(move, survives.change())
      return decisions.get(move)!
    }
    const write = async (node: Node, path: string): Promise<void> => {
      if (node instanceof DiskFile) {
        await writeFile(path, node.remains(survives))
        return
      }
      await mkdir(path)
      const entries = new Map(node.synced)
      for (const move of node.pending.all) if (isMade(move)) make(move, node, entries)
      for (const [name, entry] of entries) await write(entry, join(path, name))
    }
    await write(this.#root, directory)
  }

  #enter(path: string, node: Node, object: bigint): void {
    this.#objects.set(object, node)
    this.#change([[path, node]])
  }

  #change(changes: readonly (readonly [path: string, node: Node | undefined])[]): void {
    const entries = changes.map(([path, node]) => ({
      directory: this.#directory(dirname(path)),
      name: basename(path),
      node,
    }))
    const move: Move = { entries, isSynced: false }
    for (const directory of new Set(entries.map((entry) => entry.directory))) {
      make(move, directory, directory.entries)
      directory.pending.add(move)
    }
  }

  #object(inode: bigint): Node {
    const found = this.#objects.get(inode)
    if (!found) throw new Error(`nothing was created with inode ${inode}`)
    return found
  }

  #file(inode: bigint): DiskFile {
    const found = this.#object(inode)
    if (!(found instanceof DiskFile)) throw new Error(`inode ${inode} is no file`)
    return found
  }

  #directory(path: string): DiskDirectory {
    const found = this.#at(path)
    if (!(found instanceof DiskDirectory)) throw new Error(`${path} is no directory`)
    return found
  }

  #at(path: string): Node {
    let node: Node = this.#root
    for (const name of path.slice(this.#path.length).split('/').filter(Boolean)) {
      const next: Node | undefined = node instanceof DiskDirectory ? node.entries.get(name) : undefined
      if (!next) throw new Error(`${path} was never created`)
      node = next
    }
    return node
  }
}

/** A sync of either directory makes the whole of it durable. */
function fold(move: Move): void {
  if (move.isSynced) return
  move.isSynced = true
  for (const { directory } of move.entries) make(move, directory, directory.synced)
}

function make(move: Move, directory: DiskDirectory, entries: Map<string, Node>): void {
  for (const entry of move.entries) {
    if (entry.directory !== directory) continue
    if (entry.node) entries.set(entry.name, entry.node)
    else entries.delete(entry.name)
  }
}
