import { createHash } from 'node:crypto'
import { BlockHasher, digestOfChunk, FileHasher } from '../model/hashers.ts'
import { ashlarClient, type AshlarClient } from './ashlar-client.ts'
import type { ConnectOptions } from './transport/connection.ts'
import type { Platform } from './transport/platform.ts'
import { sendByHttp } from './transport/send-by-http.ts'

export type * from './ashlar-client.ts'
export type * from './files/file-info.ts'
export { fileSource } from './upload/file-source.ts'
export { fileTarget } from './download/file-target.ts'
export { blobSource, type Source, type Target } from './upload/source.ts'
export { StoreError, type ErrorCode } from '../model/errors.ts'
export type { ConnectOptions } from './transport/connection.ts'
export type { Progress, Transfer } from './transfer.ts'

const platform: Platform = {
  chunkHasher: async () => {
    const blocks = new BlockHasher()
    return { update: (bytes) => blocks.update(bytes), digest: () => digestOfChunk(blocks.finish()) }
  },
  fileHasher: async () => {
    const chunks = new FileHasher()
    return { update: (digest) => chunks.add(digest), digest: () => chunks.digest() }
  },
  sha256: async (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
  send: sendByHttp,
  requestBytes: 32 * 1024 * 1024,
  stallTimeoutMs: 60_000,
}

/**
 * A client of the server at `endpoint`, such as `http://127.0.0.1:8080`. Throws `invalid_request`
 * if that is no address.
 */
export function connect(endpoint: string | URL, options?: ConnectOptions): AshlarClient {
  return ashlarClient(endpoint, platform, options)
}
