/** Where an S3-compatible store is, and how to talk to it. */
export interface S3ChunkStoreOptions {
  /** Such as `https://s3.example:9000`; that of AWS for the region unless given. */
  readonly endpoint?: string
  /** What requests are signed for. Engines other than AWS mostly take any, such as `us-east-1`. */
  readonly region: string
  readonly bucket: string
  /** What the keys of all objects begin with, such as `ashlar/chunks/`; nothing unless given. */
  readonly prefix?: string
  /**
   * The bucket is named in the path of a request, not in its host: most engines other than AWS need
   * that.
   */
  readonly isPathStyle?: boolean
  /**
   * Unless given, they come from where all AWS tools look: variables, shared files, the container
   * or the machine.
   */
  readonly credentials?: S3Credentials
  /**
   * Connections at once, 64 unless given. Half of them may be kept in the middle of an object, for
   * who reads on.
   */
  readonly maxSockets?: number
  /** What was being read is kept for so long for who reads on, 1 s unless given. */
  readonly idleReadMs?: number
  /** Nothing is to be put or deleted: credentials that only read do. */
  readonly isReadOnly?: boolean
  /** Each step of opening may take so long, 10 s unless given. */
  readonly openTimeoutMs?: number
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}
