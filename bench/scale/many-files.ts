import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import type { ChunkUse } from '../../src/catalog/catalog.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { DiskChunkStore } from '../../src/chunks/disk/disk-chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { download, openFile } from '../../src/files/download/download.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { ClientSpeed } from '../../src/files/download/client-speed.ts'
import { BlockHasher, digestOfChunk } from '../../src/model/hashers.ts'
import { defaultSpace } from '../../src/model/file.ts'
import { localCaller } from '../../src/model/principal.ts'
import { benchFileStore } from '../bench-file-store.ts'
import { inTemporaryDirectory } from '../in-temporary-directory.ts'
import { fillCatalog, nameOf } from './fill-catalog.ts'

/** Of how many files the bytes are there to be read. */
const readable = 500
const chunkBytes = 4096

/** A store with so many files, for whoever does things with some of them. */
export class ManyFiles {
  readonly #store: FileStore
  readonly #files: number
  /** Numbers of those that can be read, anywhere among the others. */
  readonly #readable: readonly number[]

  private constructor(store: FileStore, files: number, readableFiles: readonly number[]) {
    this.#store = store
    this.#files = files
    this.#readable = readableFiles
  }

  /** Settles as `use` does. */
  static with<T>(files: number, use: (files: ManyFiles) => Promise<T>): Promise<T> {
    return inTemporaryDirectory(async (directory) => {
      const chunks = await DiskChunkStore.open(join(directory, 'chunks'))
      try {
        const stored = new Map<number, ChunkUse>()
        while (stored.size < Math.min(readable, files)) {
          const index = randomInt(files)
          if (!stored.has(index)) stored.set(index, await putRandomChunk(chunks))
        }
        const path = join(directory, 'catalog.sqlite')
        console.log(`Filling a catalog with ${files.toLocaleString('en')} files...`)
        await fillCatalog(path, files, (index) => stored.get(index))
        return await withStore({ directory, path, chunks }, (store) =>
          use(new ManyFiles(store, files, [...stored.keys()])),
        )
      } finally {
        await chunks.close()
      }
    })
  }

  /** Opens a file by its name, and reads its first byte, for which the block is verified. */
  async readFirstByte(): Promise<void> {
    const name = nameOf(this.#readable[randomInt(this.#readable.length)]!)
    const opened = await openFile(this.#store, localCaller, { name })
    if (!opened) throw new Error(`there is no ${name}`)
    let received = 0
    const output = new Writable({
      write(bytes: Buffer, _encoding, done) {
        received += bytes.length
        done()
      },
    })
    const first = download(this.#store, opened.file, { start: 0, end: 1 }, output, new ClientSpeed())
    await lastValueFrom(first, { defaultValue: undefined })
    opened.close()
    if (received !== 1) throw new Error(`${received} bytes came of ${name}`)
  }

  /** A hundred files from one on, or fewer at the end. */
  async listFrom(): Promise<void> {
    const after = nameOf(randomInt(this.#files))
    await this.#store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 100, after })
  }

  /** The first folders, without what is in them. */
  async listFolders(): Promise<void> {
    await this.#expect({ prefix: '', delimiter: '/', limit: 10 }, 10)
  }

  /** All files of one folder. */
  async listFolder(): Promise<void> {
    const [folder] = nameOf(randomInt(this.#files)).split('/')
    await this.#expect({ prefix: `${folder}/`, delimiter: '/', limit: 1000 }, 100)
  }

  /** The one file with a word in its name. */
  async search(): Promise<void> {
    await this.#expect({ prefix: '', q: nameOf(this.#files - 1), limit: 100 }, 1)
  }

  async #expect(
    query: {
      readonly prefix: string
      readonly delimiter?: string
      readonly q?: string
      readonly limit: number
    },
    count: number,
  ): Promise<void> {
    const { files, prefixes } = await this.#store.catalog.listFiles({ space: defaultSpace, ...query })
    const found = files.length + prefixes.length
    if (found !== count) throw new Error(`${found} files and folders were listed instead of ${count}`)
  }
}

interface Places {
  readonly directory: string
  /** Of the catalog. */
  readonly path: string
  readonly chunks: ChunkStore
}

async function withStore<T>(
  { directory, path, chunks }: Places,
  use: (store: FileStore) => Promise<T>,
): Promise<T> {
  const manifests = await DiskChunkStore.open(join(directory, 'records'), { hasDurableDeletes: true })
  const catalog = await SqliteCatalog.open(path)
  try {
    return await use(benchFileStore({ catalog, chunks: verifying(chunks), manifests }))
  } finally {
    await manifests.close()
    await catalog.close()
  }
}

async function putRandomChunk(chunks: ChunkStore): Promise<ChunkUse> {
  const bytes = randomBytes(chunkBytes)
  const hasher = new BlockHasher()
  hasher.update(bytes)
  const blockDigests = hasher.finish()
  const digest = digestOfChunk(blockDigests)
  return { digest, size: bytes.length, blockDigests, location: await chunks.put(digest, [bytes]) }
}
