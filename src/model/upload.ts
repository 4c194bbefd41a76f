import type { FileId, FileName, Metadata, Space } from './file.ts'

/** An unfinished file. Its id becomes the id of the file. */
export interface Upload {
  readonly id: FileId
  readonly space: Space
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  /** The number of bytes that are durable, from the start of the file. */
  readonly offset: number
  /** The size of the whole file; absent until the client has said it. */
  readonly size?: number
  /** It never becomes a file by itself: tus concatenates it with others. */
  readonly isPartial: boolean
  /**
   * It has become a file with the same id. The catalog remembers it until it expires, so that a
   * client that lost the answer can ask for the outcome.
   */
  readonly isFinished: boolean
  /**
   * It is complete, but a precondition kept it from becoming a file. Only a request that asks again
   * can make it one; reading its state never does.
   */
  readonly hasFailedPrecondition: boolean
  /**
   * What its protocol has to repeat, as received, in a few KiB of text. Only that protocol reads
   * it.
   */
  readonly protocolState?: string
  readonly createdAt: number
  /** When it may be collected, in milliseconds since 1970. */
  readonly expiresAt: number
}
