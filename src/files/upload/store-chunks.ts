import type { Readable } from 'node:stream'
import { concatMap, finalize, map, mergeMap, Observable, tap, type Observer } from 'rxjs'
import type { ChunkUse } from '../../catalog/catalog.ts'
import { digestBlocks } from '../../hashing/digest-blocks.ts'
import type { Digest } from '../../model/digest.ts'
import { digestOfChunk } from '../../model/hashers.ts'
import { StoreError } from '../../model/errors.ts'
import { chunked, type FilledChunk } from '../../streams/chunked.ts'
import { inOrder } from '../../rx/in-order.ts'
import { pieceBytes, type FileStore } from '../state/file-store.ts'
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
  /** Told of each chunk before it is stored, and of the end of the body, which is when its last chunk is about to be. */
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
 * Cuts a body into chunks, stores them side by side, and emits them in order once they are durable. Content that
 * is present and sound is not stored again. What was stored belongs to `pending`, which must be abandoned when the
 * upload ends in whatever way. Errors `too_large` past `maxBytes`, what an observer or `hashed` throws, what the
 * chunk store rejects, and the body's own error.
 */
export function storeChunks(
  store: FileStore,
  body: Readable,
  observers: readonly ByteObserver[],
  pending: PendingParts,
  { maxBytes = store.options.maxFileSize, hashed }: StoreChunksOptions = {},
): Observable<StoredPart> {
  const { chunkSize, maxUploadConcurrency } = store.options
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
    // Those that are only being synced have left theirs to others; one has to be filled while another is stored.
    maxChunks: Math.max(2, maxUploadConcurrency),
    onBytes,
  }).pipe(
    map(beginHashing),
    concatMap((hashing) => hashing),
    tap<HashedChunk>(hashed),
    mergeMap((chunk) => {
      held.delete(chunk.filled)
      return storeLimited(store, chunk, limited, pending)
    }),
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

/** Stores a chunk when its turn has come. Who unsubscribes earlier leaves the chunk to `pending`, or unstored. */
function storeLimited(
  store: FileStore,
  chunk: HashedChunk,
  limited: LimitedStoring,
  pending: PendingParts,
): Observable<StoredPart> {
  return new Observable((subscriber) => {
    const abort = new AbortController()
    let isBegun = false
    let isStored = false
    const work = new Observable<StoredPart>((slot) => {
      isBegun = true
      storeChunk(store, chunk, abort.signal).then(
        (part) => {
          isStored = true
          pending.add(part)
          slot.next(part)
          slot.complete()
        },
        (error: unknown) => {
          chunk.release()
          slot.error(error)
        },
      )
    })
    subscriber.add(() => {
      if (!isStored) abort.abort()
      if (!isBegun) chunk.release()
    })
    limited(chunk.size, work).subscribe(subscriber)
  })
}

async function storeChunk(store: FileStore, chunk: HashedChunk, signal: AbortSignal): Promise<StoredPart> {
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
