import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import type { Catalog } from '../../src/catalog/catalog.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { DiskChunkStore } from '../../src/chunks/disk/disk-chunk-store.ts'
import { uploadFile } from '../../src/files/upload/upload-file.ts'
import type { FileChunk } from '../../src/model/chunk.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { parseFileName, type StoredFile } from '../../src/model/file.ts'
import { inTemporaryDirectory } from '../in-temporary-directory.ts'
import { benchFileStore } from '../bench-file-store.ts'
import { localCaller } from '../../src/model/principal.ts'

const mib = 1024 * 1024

export const suite = 'original experiment'
const chunkCount = 12
export const delayMs = 50

/** What N may be. */
export const windows = [1, 5, 10]

export const chunkSizes = [
  { name: '12 × 10 MiB', chunkBytes: 10 * mib },
  { name: '12 × 64 KiB', chunkBytes: 64 * 1024 },
]

/**
 * A file of 12 chunks in a store on disk, as an upload has left it; all of it is in the page cache.
 */
export interface Experiment {
  readonly chunkBytes: number
  /** What a read fetches. */
  readonly readBytes: number
  /** As long as the file, and nothing that the store has. */
  readonly body: Buffer
  readonly file: StoredFile
  readonly list: readonly FileChunk[]
  /** Files with the same chunks, in order: the store may keep several in one. */
  readonly paths: readonly string[]
  readonly catalog: Catalog
  /** As they are on disk: nothing verifies them. */
  readonly chunks: ChunkStore
  readonly manifests: ChunkStore
}

/** Settles as `use` does. */
export function withExperiment<T>(
  chunkBytes: number,
  use: (experiment: Experiment) => Promise<T>,
): Promise<T> {
  return inTemporaryDirectory(async (directory) => {
    const catalog = await SqliteCatalog.open(join(directory, 'catalog.sqlite'))
    const chunks = await DiskChunkStore.open(join(directory, 'chunks'))
    const manifests = await DiskChunkStore.open(join(directory, 'records'), { hasDurableDeletes: true })
    try {
      const [bytes, body] = [randomBytes(chunkCount * chunkBytes), randomBytes(chunkCount * chunkBytes)]
      const store = benchFileStore({ catalog, chunks, manifests }, { chunkSize: chunkBytes })
      const { file } = await uploadFile(store, localCaller, () => Readable.from([bytes]), {
        name: parseFileName('original'),
        mediaType: 'application/octet-stream',
      })
      const list = await catalog.listChunks(file.id, 0, chunkCount)
      const paths = await inFilesOfTheirOwn(join(directory, 'alone'), bytes, chunkBytes)
      const readBytes = Math.min(chunkBytes, blockBytes)
      return await use({ chunkBytes, readBytes, body, file, list, paths, catalog, chunks, manifests })
    } finally {
      await chunks.close()
      await manifests.close()
      await catalog.close()
    }
  })
}

async function inFilesOfTheirOwn(
  directory: string,
  bytes: Buffer,
  chunkBytes: number,
): Promise<readonly string[]> {
  await mkdir(directory)
  const paths = Array.from({ length: chunkCount }, (_, nth) => join(directory, String(nth)))
  for (const [nth, path] of paths.entries()) {
    await writeFile(path, bytes.subarray(nth * chunkBytes, (nth + 1) * chunkBytes))
  }
  return paths
}

/** Milliseconds that nothing can beat while each read is delayed and N are under way. */
export function idealMs(n: number): number {
  return Math.ceil(chunkCount / n) * delayMs
}
