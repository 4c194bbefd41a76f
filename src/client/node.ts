import { createHash } from 'node:crypto'
import { BlockHasher, digestOfChunk, FileHasher } from '../model/digest.ts'
import { ashlarClient, type AshlarClient } from './ashlar-client.ts'
import type { ConnectOptions } from './connection.ts'
import type { Platform } from './platform.ts'

export type * from './ashlar-client.ts'
export type * from './file-info.ts'
export { fileSource } from './file-source.ts'
export { fileTarget } from './file-target.ts'
export { blobSource, type Source, type Target } from './source.ts'
export { StoreError, type ErrorCode } from '../model/errors.ts'
export type { ConnectOptions } from './connection.ts'
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
  // Streamed: a request is never in memory as a whole.
  bodyOf: async (pieces, onSent) => ({ body: ReadableStream.from(counted(pieces, onSent)), duplex: 'half' }),
  requestBytes: 32 * 1024 * 1024,
  stallTimeoutMs: 60_000,
}

/** A client of the server at `endpoint`, such as `http://127.0.0.1:8080`. Throws `invalid_request` if that is no address. */
export function connect(endpoint: string | URL, options?: ConnectOptions): AshlarClient {
  return ashlarClient(endpoint, platform, options)
}

async function* counted(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  onSent: (bytes: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const piece of pieces) {
    yield piece
    // Asked for the next: there was room for this one.
    onSent(piece.length)
  }
}
