import type { FileId, FileName, Metadata, Space } from './file.ts'

/** A file in the making. It keeps its id when it becomes a file. */
export interface Upload {
  readonly id: FileId
  readonly space: Space
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
  /** Bytes that are durable, all from the beginning on. */
  readonly offset: number
  /** Bytes in the whole file; absent while the client has not said. */
  readonly size?: number
  /** It never becomes a file by itself: it is there to be concatenated. */
  readonly isPartial: boolean
  /**
   * It is a file by now, with the same id; remembered until it expires, so that a client that lost
   * the answer can ask what came of it.
   */
  readonly isFinished: boolean
  /**
   * It is whole, and a precondition kept it from becoming a file: it becomes one only when a
   * request asks for that again, never because somebody looks.
   */
  readonly hasFailedPrecondition: boolean
  /**
   * What the protocol that made it has to repeat, as it came; opaque to all others. Text of some
   * KiB at most.
   */
  readonly protocolState?: string
  readonly createdAt: number
  /** From then on it may be collected. Milliseconds since 1970. */
  readonly expiresAt: number
}
