import type { Readable } from 'node:stream'
import { concatMap, finalize, map, mergeMap, tap, type Observable, type Observer } from 'rxjs'
import type { ChunkUse } from '../../catalog/catalog.ts'
import { digestBlocks } from '../../hashing/digest-blocks.ts'
import type { Digest } from '../../model/digest.ts'
import { digestOfChunk } from '../../model/hashers.ts'
import { StoreError } from '../../model/errors.ts'
import { chunked, type FilledChunk } from '../../streams/chunked.ts'
import { inOrder } from '../../rx/in-order.ts'
import { ownedCall } from '../../rx/owned-call.ts'
import { pieceBytes, type Storage, type Transfer } from '../state/file-store.ts'
import { findSoundChunk } from './find-sound-chunk.ts'
import type { PendingParts, StoredPart } from './pending-parts.ts'
import type { LimitedStoring } from '../state/store-limiter.ts'

/** Sees the bytes of an upload in order. */
export interface ByteObserver {
  update(bytes: Uint8Array): void
}

export function tooLarge(maxFileSize: number): StoreError {
  return new StoreError('too_large', `A file may have ${maxFileSize} bytes at most.`)
}

export interface StoreChunksOptions {
  /** The server's limit for files unless given. */
  readonly maxBytes?: number
  /**
   * Told of each chunk before it is stored, and of the end of the body just before its last chunk
   * is stored.
   */
  readonly hashed?: Pick<Observer<ChunkUse>, 'next' | 'complete'>
}

interface HashedChunk {
  readonly filled: FilledChunk
  /** May be called more than once. */
  readonly release: () => void
  readonly size: number
  readonly index: number
  readonly digest: Digest
  readonly blockDigests: Uint8Array
}

/**
 * Cuts a body into chunks, stores them side by side, and emits them in order once they are durable.
 * It does not store content again that is present and sound. The stored parts belong to `pending`,
 * which must be abandoned however the upload ends. Errors `too_large` past `maxBytes`, what an
 * observer or `hashed` throws, what the chunk store rejects, and the body's own error.
 */
export function storeChunks(
  store: Storage & Transfer,
  body: Readable,
  observers: readonly ByteObserver[],
  pending: PendingParts,
  { maxBytes = store.options.maxFileSize, hashed }: StoreChunksOptions = {},
): Observable<StoredPart> {
  const { chunkSize, maxUploadConcurrency } = store.options
  // One is filled while another is stored.
  const maxChunks = Math.max(2, maxUploadConcurrency)
  const limited = store.storing.forUpload()
  /** Chunks that are being hashed or wait for those before them. */
  const held = new Set<FilledChunk>()
  let received = 0

  const onBytes = (bytes: Uint8Array) => {
    received += bytes.length
    if (received > maxBytes) throw tooLarge(maxBytes)
    for (const observer of observers) observer.update(bytes)
    store.youngGarbage.add(bytes.length)
  }
  const beginHashing = (chunk: FilledChunk, index: number): Promise<HashedChunk> => {
    held.add(chunk)
    const hashing = withDigest(chunk, index)
    // After an error nobody waits for the others.
    hashing.catch(() => undefined)
    return hashing
  }

  return chunked(body, store.pool, {
    chunkBytes: chunkSize,
    pieceBytes,
    maxChunks,
    onBytes,
  }).pipe(
    map(beginHashing),
    concatMap((hashing) => hashing),
    tap<HashedChunk>(hashed),
    mergeMap((chunk) => {
      held.delete(chunk.filled)
      return storeInTurn(store, chunk, limited, pending)
    }, maxChunks),
    inOrder(({ index }) => index),
    finalize(() => {
      for (const chunk of held) chunk.release()
    }),
  )
}

async function withDigest(filled: FilledChunk, index: number): Promise<HashedChunk> {
  const blockDigests = await digestBlocks(filled.pieces)
  let isReleased = false
  const release = () => {
    if (isReleased) return
    isReleased = true
    filled.release()
  }
  return { filled, release, size: filled.size, index, digest: digestOfChunk(blockDigests), blockDigests }
}

/**
 * Stores a chunk when the limiter lets it. After unsubscribing it is left to `pending`, or not
 * stored.
 */
function storeInTurn(
  store: Storage & Transfer,
  chunk: HashedChunk,
  limited: LimitedStoring,
  pending: PendingParts,
): Observable<StoredPart> {
  return ownedCall((work) => limited(chunk.size, work), {
    call: (signal) => storeChunk(store, chunk, signal),
    release: chunk.release,
    succeeded: (part) => pending.add(part),
  })
}

async function storeChunk(
  store: Storage & Transfer,
  chunk: HashedChunk,
  signal: AbortSignal,
): Promise<StoredPart> {
  const { index, digest, size, blockDigests, filled, release } = chunk
  const present = await findSoundChunk(store, digest)
  if (present.kind === 'sound') {
    // Keep the buffers until the catalog has the part: only then can the chunk no longer be
    // collected.
    return {
      index,
      use: { digest, size, blockDigests },
      putAfterAll: () => store.chunks.put(digest, filled.pieces),
      release,
    }
  }
  // Syncing needs no buffers: others can fill them meanwhile.
  const location = await store.chunks.put(digest, filled.pieces, { signal, onTaken: release })
  release()
  const mends = present.kind === 'damaged' ? { mends: present.location } : {}
  const use = { digest, size, blockDigests, location, ...mends }
  return { index, use, putAfterAll: () => Promise.resolve(location), release: () => {} }
}
