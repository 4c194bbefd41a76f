import { createSHA256 } from 'hash-wasm'
import { ashlarClient, type AshlarClient } from './ashlar-client.ts'
import type { ConnectOptions } from './transport/connection.ts'
import type { Platform } from './transport/platform.ts'
import { sendByFetch } from './transport/send-by-fetch.ts'
import { wasmChunkHasher, wasmFileHasher } from './transport/wasm-hashers.ts'

export type * from './ashlar-client.ts'
export type * from './files/file-info.ts'
export { blobSource, type Source, type Target } from './upload/source.ts'
export { StoreError, type ErrorCode } from '../model/errors.ts'
export type { ConnectOptions } from './transport/connection.ts'
export type { Progress, Transfer } from './transfer.ts'

/** Of the page, or of the worker. */
declare const location: { readonly href: string }

const platform: Platform = {
  chunkHasher: wasmChunkHasher,
  fileHasher: wasmFileHasher,
  // `crypto.subtle` is missing on pages that come over plain HTTP from another machine.
  async sha256(bytes) {
    const hasher = await createSHA256()
    return new Uint8Array(hasher.init().update(bytes).digest('binary'))
  },
  send: sendByFetch,
  // Held in memory; progress shows only between requests.
  requestBytes: 8 * 1024 * 1024,
  // Browsers do not show how much of a request was sent, and several requests share a slow line.
  stallTimeoutMs: 300_000,
}

/**
 * A client of the server at `endpoint`, by default the one that the page came from. Throws
 * `invalid_request` if that is no address.
 */
export function connect(endpoint: string | URL = '/', options?: ConnectOptions): AshlarClient {
  return ashlarClient(new URL(endpoint, location.href), platform, options)
}
