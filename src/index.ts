export { SqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts'
export type * from './catalog/catalog.ts'
export type * from './chunks/chunk-store.ts'
export { createAnew } from './catalog/sqlite/create-anew.ts'
export { DiskChunkStore } from './chunks/disk/disk-chunk-store.ts'
export { freeBytes } from './chunks/disk/free-bytes.ts'
export { MemoryChunkStore } from './chunks/memory/memory-chunk-store.ts'
export { verifying } from './chunks/wrappers/verifying.ts'
export { collectGarbage } from './files/upkeep/collect-garbage.ts'
export { deleteFile } from './files/manifests/update-file.ts'
export { download, openFile } from './files/download/download.ts'
export {
  createFileStore,
  type FileStore,
  type FileStoreOptions,
  type Stores,
} from './files/state/file-store.ts'
export { ClientSpeed } from './files/download/client-speed.ts'
export { rebuild } from './files/manifests/rebuild.ts'
export { updateFile } from './files/manifests/update-file.ts'
export { uploadFile } from './files/upload/upload-file.ts'
export { createApp } from './server/app.ts'
export { createMetrics } from './http/server/metrics.ts'
export { startServer } from './http/server/start-server.ts'
export { StoreError, type ErrorCode } from './model/errors.ts'
export { parseFileName, parseFileRef, defaultSpace } from './model/file.ts'
export type { StoredFile } from './model/file.ts'
export { localCaller, type Caller, type Principal } from './model/principal.ts'
