import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { openFile } from '../../src/files/download/download.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { findOrphans } from '../../src/files/upkeep/find-orphans.ts'
import { rebuild } from '../../src/files/manifests/rebuild.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import type { Location } from '../../src/model/chunk.ts'
import { StoreError } from '../../src/model/errors.ts'
import { parseFileRef, defaultSpace } from '../../src/model/file.ts'
import type { Dice } from '../crash/dice.ts'
import { readBack } from '../robustness/read-back.ts'
import { openCatalogHere } from '../support/catalog-here.ts'
import { overlay } from './overlay.ts'
import { catalogFiles, storeOver, type SampleStore } from './sample-store.ts'
import { localCaller } from '../../src/model/principal.ts'

/** What came of a number of flips. */
export interface FlipTally {
  refusedToOpen: number
  /** Files that were answered with an error, or were not found. */
  unserved: number
  served: number
  collections: number
  refusedCollections: number
}

function emptyTally(): FlipTally {
  return { refusedToOpen: 0, unserved: 0, served: 0, collections: 0, refusedCollections: 0 }
}

/**
 * Works on copies of the sample's catalog, each with one bit flipped: reads every file, lists,
 * collects without any grace, and makes the catalog anew. Fails if bytes come that are not the
 * file's, or if a file does not come back.
 */
export class BitFlips {
  readonly #sample: SampleStore
  readonly #work: string
  readonly tally = emptyTally()
  /**
   * What is left of the stores, by what was deleted: making a catalog of the same again shows
   * nothing new.
   */
  readonly #rebuilt = new Set<string>()

  constructor(sample: SampleStore, work: string) {
    this.#sample = sample
    this.#work = work
  }

  /** One bit of one of the files, each byte as likely as any other. */
  async flipSomewhere(name: string, dice: Dice): Promise<void> {
    const { size } = await stat(join(this.#sample.directory, name))
    const [at, bit] = [dice.int(0, size), dice.int(0, 8)]
    await this.damage(`bit ${bit} of byte ${at} of ${name}`, async (directory) => {
      const bytes = await readFile(join(directory, name))
      bytes[at]! ^= 1 << bit
      await writeFile(join(directory, name), bytes)
    })
  }

  /** `change` is given the directory of a copy. */
  async damage(what: string, change: (directory: string) => Promise<void>): Promise<void> {
    const directory = await this.#copy()
    await change(directory)
    try {
      await this.#use(directory)
    } catch (error) {
      throw new Error(`after damage: ${what}`, { cause: error })
    }
  }

  async #copy(): Promise<string> {
    await rm(this.#work, { recursive: true, force: true })
    await mkdir(this.#work)
    for (const name of catalogFiles) {
      const from = join(this.#sample.directory, name)
      if (existsSync(from)) await copyFile(from, join(this.#work, name))
    }
    return this.#work
  }

  async #use(directory: string): Promise<void> {
    const [chunks, manifests] = [overlay(this.#sample.chunks), overlay(this.#sample.manifests)]
    // Without the check of small databases, which would find most of it.
    const catalog = await openCatalogHere(join(directory, 'catalog.sqlite'), 0).catch(refusal)
    if (catalog) {
      const store = storeOver({ catalog, chunks: chunks.store, manifests: manifests.store }, () => {})
      try {
        await this.#readAll(store)
        await this.#list(store)
        await this.#collect(store)
      } finally {
        await catalog.close().catch(storeErrorOnly)
      }
    } else this.tally.refusedToOpen++
    await this.#rebuild(chunks.deleted, manifests.deleted, {
      chunks: chunks.store,
      manifests: manifests.store,
    })
  }

  async #readAll(store: FileStore): Promise<void> {
    for (const { file, bytes } of this.#sample.files) {
      for (const ref of [file.name, `@${file.id}`]) {
        const open = await openFile(store, localCaller, parseFileRef(ref)).catch(storeErrorOnly)
        open?.close()
        if (open) assert.deepEqual(open.file, file)
        const half = { start: file.size >> 1, end: file.size }
        for (const range of [{ start: 0, end: file.size }, half]) {
          const sent = open && (await readBack(store, ref, range).catch(storeErrorOnly))
          if (sent) assert(sent.equals(bytes.subarray(range.start, range.end)), `other bytes came for ${ref}`)
          this.tally[sent ? 'served' : 'unserved']++
        }
      }
    }
    for (const name of this.#sample.gone) {
      const open = await openFile(store, localCaller, parseFileRef(name)).catch(storeErrorOnly)
      assert.equal(open?.file, undefined)
    }
  }

  async #list({ catalog }: FileStore): Promise<void> {
    const query = { space: defaultSpace, prefix: '', limit: 1000 }
    const page = await catalog.listFiles(query).catch(storeErrorOnly)
    const known = this.#sample.files.map(({ file }) => file)
    for (const listed of page?.files ?? [])
      assert.deepEqual(
        listed,
        known.find(({ id }) => id === listed.id),
      )
  }

  async #collect(store: FileStore): Promise<void> {
    this.tally.collections++
    try {
      await findOrphans(store)
      await collectGarbage(store)
      await collectGarbage(store)
    } catch (error) {
      storeErrorOnly(error)
      this.tally.refusedCollections++
    }
  }

  async #rebuild(
    chunks: ReadonlySet<Location>,
    manifests: ReadonlySet<Location>,
    stores: Pick<SampleStore, 'chunks' | 'manifests'>,
  ): Promise<void> {
    const left = JSON.stringify([[...chunks].sort(), [...manifests].sort()])
    if (this.#rebuilt.has(left)) return
    const path = join(this.#work, 'rebuilt.sqlite')
    const catalog = await openCatalogHere(path)
    try {
      const { damagedManifests } = await rebuild(
        { chunks: verifying(stores.chunks), manifests: stores.manifests },
        catalog,
      )
      assert.deepEqual(damagedManifests, [])
      await this.#expectAll(catalog, stores)
    } finally {
      await catalog.close()
    }
    this.#rebuilt.add(left)
  }

  async #expectAll(catalog: Catalog, stores: Pick<SampleStore, 'chunks' | 'manifests'>): Promise<void> {
    const store = storeOver({ catalog, ...stores }, (error) => {
      throw error
    })
    const { files } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
    assert.deepEqual(
      files,
      this.#sample.files.map(({ file }) => file),
    )
    for (const { file, bytes } of this.#sample.files)
      assert((await readBack(store, `@${file.id}`)).equals(bytes), `other bytes came for ${file.name}`)
  }
}

/** A store that does not open tells the operator what to do. */
function refusal(error: unknown): undefined {
  assert(error instanceof StoreError, error as Error)
  assert.match(error.message, /^[^\n]*ashlar rebuild[^\n]*$/)
}

/** Whatever else is thrown is a fault of ours. */
function storeErrorOnly(error: unknown): undefined {
  if (error instanceof StoreError) return undefined
  throw error
}
