import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogInspection } from '../catalog/upkeep.ts'
import type { ChunkStore } from '../chunks/chunk-store.ts'
import type { FileStore } from '../files/state/file-store.ts'
import type { Rebuilt } from '../files/manifests/rebuild.ts'

/** A store that this process has for itself until it is closed. */
export interface OpenedStore {
  readonly store: FileStore
  /** Where it is, for people. */
  readonly address: string
  close(): Promise<void>
}

/** A store that a server may have open at the same time. Nothing in it is changed. */
export interface StoreToRead {
  readonly inspection: CatalogInspection &
    Pick<Catalog, 'listFiles' | 'listChunks' | 'packChunks' | 'listManifestPages'>
  readonly chunks: ChunkStore
  readonly manifests: ChunkStore
  /** The same bytes, as they are. */
  readonly unverified: ChunkStore
  readonly address: string
  readonly graces: {
    readonly collectGraceMs: number
    readonly orphanGraceMs: number
  }
  close(): Promise<void>
}

/** A store whose catalog is lost. */
export interface StoreToRebuild {
  readonly address: string
  readonly manifests: Pick<ChunkStore, 'list'>
  /** Whether `rebuild` has come so far that it was not refused. */
  hasBegun(): boolean
  /**
   * Makes the catalog anew; if that rejects there is none, as before. Tells of the bytes of each
   * manifest.
   */
  rebuild(onRead?: (bytes: number) => void): Promise<Rebuilt>
  close(): Promise<void>
}
