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
 * The verbs of an Ashlar server. A `ref` is a name, or `@` and an id. Retries what can be retried,
 * with growing pauses, until nothing has moved for `giveUpAfterMs`. Every call rejects
 * `StoreError`: with the server's code if the server refused, at once with the reason of its
 * signal, or with the error of a source or target.
 */
export interface AshlarClient {
  /**
   * Stores the source as the file `name`. Sends large sources in several parts side by side, does
   * not send again what an earlier attempt left on the server, and leaves a file alone that is
   * there already. Before the file exists, it compares everything on the server with the source,
   * digest by digest.
   */
  put(name: string, source: Source, options?: UploadOptions): Transfer<PutResult>
  /**
   * The same for a source that can be read only once, such as standard input. It survives broken
   * connections, but not the end of this process.
   */
  putStream(name: string, pieces: AsyncIterable<Uint8Array>, options?: PutStreamOptions): Transfer<FileInfo>
  /**
   * Reads bytes in order, fetched side by side and verified; all of them by default. Fetches as
   * fast as the caller reads.
   */
  read(ref: string, options?: StreamOptions): Promise<Reading>
  /**
   * Writes a file at its offsets, in the order in which bytes arrive, verified. Does not fetch what
   * the target already has.
   */
  download(ref: string, target: Target, options?: DownloadOptions): Transfer<FileInfo>
  /** Rejects `not_found`. */
  show(ref: string, options?: CallOptions): Promise<FileInfo>
  /** The same, with its chunks in order. Rejects `not_found`. */
  showChunks(ref: string, options?: CallOptions): Promise<FileWithChunks>
  /** Files and, with a delimiter, prefixes, by name; page after page, as they are asked for. */
  list(query?: ListQuery, options?: CallOptions): AsyncIterable<ListEntry>
  /** Rename by id: if the answer to a rename by name is lost, the retry rejects `not_found`. */
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
