import { connectTo, type ConnectOptions } from './transport/connection.ts'
import { deleteFile, deleteUpload, type Conditions } from './files/delete-file.ts'
import { download, type DownloadOptions } from './download/download.ts'
import type { FileInfo, FileWithChunks, UploadInfo } from './files/file-info.ts'
import type { Platform } from './transport/platform.ts'
import { listFiles, type ListEntry, type ListQuery } from './files/list-files.ts'
import { listUploads } from './upload/list-uploads.ts'
import type { UploadOptions, PutResult } from './upload/put-options.ts'
import { put } from './upload/put.ts'
import { putStream, type PutStreamOptions } from './upload/put-stream.ts'
import { readFile, type StreamOptions, type Reading } from './download/read-file.ts'
import { showChunks, showFile } from './files/show-file.ts'
import type { Source, Target } from './upload/source.ts'
import type { Transfer } from './transfer.ts'
import { updateFile, type FileChanges } from './files/update-file.ts'

export type {
  DownloadOptions,
  FileChanges,
  ListEntry,
  ListQuery,
  Conditions as Precondition,
  UploadOptions as PutOptions,
  PutResult,
  PutStreamOptions,
  StreamOptions as ReadOptions,
  Reading,
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * The verbs of an Ashlar server. A `ref` is a name, or `@` and an id. What can be tried again is,
 * with growing pauses, until nothing has moved for `giveUpAfterMs`. Every call rejects
 * `StoreError`, with the server's code where the server refused; with the reason of its signal, at
 * once; or with what a source or a target failed with.
 */
export interface AshlarClient {
  /**
   * Makes the source the file behind `name`. Large ones go up in several parts side by side; what
   * an earlier attempt left on the server is not sent again, and a file that is there already is
   * left as it is. Before the file exists, all that the server has is compared with the source,
   * digest by digest.
   */
  put(name: string, source: Source, options?: UploadOptions): Transfer<PutResult>
  /**
   * The same for what can be read only once, such as standard input: it survives broken
   * connections, not the end of this process.
   */
  putStream(name: string, pieces: AsyncIterable<Uint8Array>, options?: PutStreamOptions): Transfer<FileInfo>
  /**
   * Bytes in order, fetched side by side, verified; by default all. Fetches as fast as it is read.
   */
  read(ref: string, options?: StreamOptions): Promise<Reading>
  /**
   * Writes a file at its offsets, in the order in which bytes arrive; verified; what the target has
   * already is not fetched again.
   */
  download(ref: string, target: Target, options?: DownloadOptions): Transfer<FileInfo>
  /** Rejects `not_found`. */
  show(ref: string, options?: CallOptions): Promise<FileInfo>
  /** The same with the chunks that it is made of, in order. Rejects `not_found`. */
  showChunks(ref: string, options?: CallOptions): Promise<FileWithChunks>
  /** Files and, with a delimiter, prefixes, by name; page after page, as they are asked for. */
  list(query?: ListQuery, options?: CallOptions): AsyncIterable<ListEntry>
  /**
   * Rename by id: by name, what was renamed and had its answer lost rejects `not_found` when it is
   * tried again.
   */
  update(ref: string, changes: FileChanges, options?: CallOptions & Conditions): Promise<FileInfo>
  /** Rejects `not_found`. */
  delete(ref: string, options?: CallOptions & Conditions): Promise<void>
  /** Unfinished uploads, the oldest first. */
  listUploads(options?: CallOptions): AsyncIterable<UploadInfo>
  /** Rejects `not_found`. */
  deleteUpload(id: string, options?: CallOptions): Promise<void>
}

/** A client of the server at `endpoint`, on a platform; see `node.ts` and `browser.ts`. */
export function ashlarClient(
  endpoint: string | URL,
  platform: Platform,
  options: ConnectOptions = {},
): AshlarClient {
  const connection = connectTo(endpoint, platform, options)
  return {
    put: (...args) => put(connection, ...args),
    putStream: (...args) => putStream(connection, ...args),
    read: (...args) => readFile(connection, ...args),
    download: (...args) => download(connection, ...args),
    show: (...args) => showFile(connection, ...args),
    showChunks: (...args) => showChunks(connection, ...args),
    list: (...args) => listFiles(connection, ...args),
    update: (...args) => updateFile(connection, ...args),
    delete: (...args) => deleteFile(connection, ...args),
    listUploads: (...args) => listUploads(connection, ...args),
    deleteUpload: (...args) => deleteUpload(connection, ...args),
  }
}
