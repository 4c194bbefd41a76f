import {
  createFileStore,
  type FileStore,
  type FileStoreOptions,
  type Stores,
} from '../src/files/state/file-store.ts'

const mib = 1024 * 1024

/**
 * As the server makes it, with its default settings but for those given. What fails in the
 * background ends the process.
 */
export function benchFileStore(stores: Stores, options: Partial<FileStoreOptions> = {}): FileStore {
  return createFileStore(stores, {
    chunkSize: 8 * mib,
    maxUploadConcurrency: 4,
    maxDownloadConcurrencyPerFile: 8,
    maxDownloadConcurrency: 32,
    maxBufferMemory: 128 * mib,
    maxFileSize: Infinity,
    uploadExpiryMs: 24 * 3_600_000,
    collectGraceMs: 0,
    orphanGraceMs: 0,
    onBackgroundError: (error, doing) => {
      throw new Error(`failed while ${doing}`, { cause: error })
    },
    ...options,
  })
}
