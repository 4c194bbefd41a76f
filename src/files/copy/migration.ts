import type { Catalog } from '../../catalog/catalog.ts'
import type { ChunkStore } from '../../chunks/chunk-store.ts'
import type { ChunkCopier } from './chunk-copier.ts'
import type { Counted, Storage, Transfer } from '../state/file-store.ts'

/** A store that files are copied from. It is only read. */
export interface MigrationSource {
  readonly catalog: Pick<Catalog, 'listFiles' | 'listChunks'>
  /** Verified. */
  readonly chunks: ChunkStore
}

/** What all files of a migration share. */
export interface Migration {
  readonly source: MigrationSource
  readonly store: Storage & Transfer & Counted
  readonly copier: ChunkCopier
  /** Told of bytes that the store has received. */
  readonly onBytes: (bytes: number) => void
}
