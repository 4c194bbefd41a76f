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

/** Watches an upload's bytes go by, in order. */
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
   * Told of each chunk before it is stored, and of the end of the body, which is when its last
   * chunk is about to be.
   */
  readonly hashed?: Pick<Observer<ChunkUse>, 'next' | 'complete'>
}

interface HashedChunk {
  readonly filled: FilledChunk
  /** May be called again. */
  readonly release: () => void
  readonly size: number
  readonly index: number
  readonly digest: Digest
  readonly blockDigests: Uint8Array
}

/**
 * Cuts a body into chunks, stores them side by side, and emits them in order once they are durable.
 * Content that is present and sound is not stored again. What was stored belongs to `pending`,
 * which must be abandoned when the upload ends in whatever way. Errors `too_large` past `maxBytes`,
 * what an observer or `hashed` throws, what the chunk store rejects, and the body's own error.
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
  /** Being hashed, or waiting for those before them. */
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
    // Who is not waited for any more has nobody to fail.
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
 * Stores a chunk when the limiter lets it. Who unsubscribes earlier leaves it to `pending`, or
 * unstored.
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
    // The buffers stay until the catalog has it: only then can the chunk not be collected any more.
    return {
      index,
      use: { digest, size, blockDigests },
      putAfterAll: () => store.chunks.put(digest, filled.pieces),
      release,
    }
  }
  // What has only to be synced needs no buffers: others can be filled meanwhile.
  const location = await store.chunks.put(digest, filled.pieces, { signal, onTaken: release })
  release()
  const mends = present.kind === 'damaged' ? { mends: present.location } : {}
  const use = { digest, size, blockDigests, location, ...mends }
  return { index, use, putAfterAll: () => Promise.resolve(location), release: () => {} }
}
