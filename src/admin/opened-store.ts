import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogInspection } from '../catalog/upkeep.ts'
import type { ChunkStore } from '../chunks/chunk-store.ts'
import type { FileStore } from '../files/state/file-store.ts'
import type { Rebuilt } from '../files/manifests/rebuild.ts'

/** A store that only this process uses until it is closed. */
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
  /** The same bytes, unverified. */
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
  /** Whether `rebuild` got past its checks. */
  hasBegun(): boolean
  /**
   * Makes a new catalog; if it rejects, there is none, as before. `onRead` is told of the bytes of
   * each manifest.
   */
  rebuild(onRead?: (bytes: number) => void): Promise<Rebuilt>
  close(): Promise<void>
}
