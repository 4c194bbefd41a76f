import type { FileId, FileName, Metadata, Owner } from './file.ts'

/** An unfinished file. It keeps its id when it becomes a file. */
export interface Upload {
  readonly id: FileId
  readonly owner: Owner
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  /** Bytes that are durable, all from the beginning on. */
  readonly offset: number
  /** Bytes in the whole file; absent while the client has not said. */
  readonly size?: number
  readonly createdAt: number
  /** From then on it may be collected. Milliseconds since 1970. */
  readonly expiresAt: number
}
