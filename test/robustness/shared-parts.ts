import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { MemoryChunkStore } from '../../src/chunks/memory/memory-chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { createFileStore, type FileStore, type FileStoreOptions } from '../../src/files/state/file-store.ts'
import { faulty, type Fault, type FaultyChunkStore } from '../support/faulty.ts'

/**
 * A real catalog and chunks in memory, for all tests of one file: opening a catalog takes longer
 * than most of them.
 */
export interface SharedParts {
  readonly catalog: Catalog
  readonly chunks: ChunkStore
  close(): Promise<void>
}

export async function openSharedParts(): Promise<SharedParts> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  const catalog = await SqliteCatalog.open(join(directory, 'catalog.sqlite'))
  const chunks = new MemoryChunkStore()
  const close = async () => {
    await catalog.close()
    await rm(directory, { recursive: true })
  }
  return { catalog, chunks, close }
}

export interface FaultyFileStore {
  readonly store: FileStore
  readonly faults: FaultyChunkStore
  /** What went wrong where no caller could be told. */
  readonly background: { readonly error: unknown; readonly doing: string }[]
}

export interface FaultyFileStoreOptions extends Partial<FileStoreOptions> {
  readonly plan?: readonly Fault[]
  readonly wrapCatalog?: (catalog: Catalog) => Catalog
  readonly wrapChunks?: (chunks: ChunkStore) => ChunkStore
}

/** A file store of its own over shared parts, in which things go wrong as planned. */
export function faultyFileStore(
  { catalog, chunks }: Pick<SharedParts, 'catalog' | 'chunks'>,
  options: FaultyFileStoreOptions = {},
): FaultyFileStore {
  const { plan = [], wrapCatalog = (same) => same, wrapChunks = (same) => same, ...others } = options
  const background: { error: unknown; doing: string }[] = []
  const faults = faulty(chunks, plan)
  const stores = {
    catalog: wrapCatalog(catalog),
    chunks: verifying(wrapChunks(faults)),
    manifests: new MemoryChunkStore(),
  }
  const store = createFileStore(stores, {
    chunkSize: 64 * 1024,
    maxUploadConcurrency: 4,
    maxDownloadConcurrencyPerFile: 8,
    maxDownloadConcurrency: 32,
    maxBufferMemory: 16 * 1024 * 1024,
    maxFileSize: Infinity,
    uploadExpiryMs: 60_000,
    collectGraceMs: 0,
    orphanGraceMs: 0,
    onBackgroundError: (error, doing) => background.push({ error, doing }),
    ...others,
  })
  return { store, faults, background }
}
