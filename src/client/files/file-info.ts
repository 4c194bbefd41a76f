import type { Digest } from '../../model/digest.ts'

/** A file as the API shows it. Times are ISO 8601 in UTC. */
export interface FileInfo {
  readonly id: string
  readonly name: string
  readonly size: number
  readonly mediaType: string
  readonly digest: Digest
  /** As it stands in the `ETag` header, with its quotes. */
  readonly etag: string
  readonly createdAt: string
  readonly modifiedAt: string
  readonly metadata: Readonly<Record<string, string>>
}

/** A chunk in a file or an upload: `size` bytes from `start` on. */
export interface ChunkInfo {
  readonly start: number
  readonly size: number
  readonly digest: Digest
}

/** File info with the chunk list, over which the file's digest is taken. */
export type FileWithChunks = FileInfo & { readonly chunks: readonly ChunkInfo[] }

/** An unfinished upload. */
export interface UploadInfo {
  readonly id: string
  readonly name: string
  /** Bytes of the whole file, or null while unknown. */
  readonly size: number | null
  /** Bytes that the server has, from the beginning. */
  readonly offset: number
  /** A part that waits to be concatenated with others. */
  readonly isPartial: boolean
  readonly mediaType: string
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly expiresAt: string
}
