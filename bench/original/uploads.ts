import { Readable } from 'node:stream'
import { from, ignoreElements, lastValueFrom, mergeMap, tap } from 'rxjs'
import { PendingParts } from '../../src/files/upload/pending-parts.ts'
import { pieceBytes } from '../../src/files/state/file-store.ts'
import { storeChunks } from '../../src/files/upload/store-chunks.ts'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { chunked } from '../../src/streams/chunked.ts'
import { benchFileStore } from '../bench-file-store.ts'
import { delayed } from './delayed.ts'
import type { Delay, Run } from './downloads.ts'
import type { Experiment } from './experiment.ts'
import { nowhere } from './nowhere.ts'
import { parseDigest } from '../../src/model/digest.ts'

const anyDigest = parseDigest('0'.repeat(64))

/**
 * The operators alone: the body is copied into leased buffers and its chunks are put, `n` at once.
 * Nothing is hashed.
 */
export function uploadByOperators(
  { body, chunkBytes }: Experiment,
  n: number,
  { delayMs }: Delay = { delayMs: 0 },
): Run {
  const chunks = delayMs === 0 ? nowhere : delayed(nowhere, delayMs)
  const pool = new BufferPool(n * roundedUp(chunkBytes))
  return async () => {
    const cut = chunked(bodyOf(body), pool, { chunkBytes, pieceBytes, maxChunks: n })
    const stored = cut.pipe(
      mergeMap((chunk) => from(chunks.put(anyDigest, chunk.pieces)).pipe(tap(() => chunk.release()))),
      ignoreElements(),
    )
    await lastValueFrom(stored, { defaultValue: undefined })
  }
}

/**
 * What the server does with a body until its chunks are durable, which here they never are: takes
 * their digests, looks in the catalog whether they are present, puts them, `n` at once, and brings
 * them in order. One chunk more is being filled.
 */
export function uploadByVerb(
  { body, chunkBytes, catalog, manifests }: Experiment,
  n: number,
  { delayMs }: Delay = { delayMs: 0 },
): Run {
  const chunks = delayMs === 0 ? nowhere : delayed(nowhere, delayMs)
  const store = benchFileStore(
    { catalog, chunks, manifests },
    {
      chunkSize: chunkBytes,
      maxUploadConcurrency: n,
      maxBufferMemory: (n + 1) * roundedUp(chunkBytes),
    },
  )
  return async () => {
    const pending = new PendingParts(store)
    try {
      await lastValueFrom(storeChunks(store, bodyOf(body), [], pending), { defaultValue: undefined })
    } finally {
      pending.abandon()
    }
  }
}

/** As it comes from a socket: not more at once than the kernel hands over. */
function bodyOf(bytes: Buffer): Readable {
  let at = 0
  return new Readable({
    highWaterMark: pieceBytes,
    read() {
      this.push(at < bytes.length ? bytes.subarray(at, at + pieceBytes) : null)
      at += pieceBytes
    },
  })
}

function roundedUp(bytes: number): number {
  return Math.ceil(bytes / pieceBytes) * pieceBytes
}
