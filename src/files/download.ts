import type { Writable } from 'node:stream'
import {
  concatMap,
  concatWith,
  defer,
  endWith,
  finalize,
  ignoreElements,
  map,
  range,
  tap,
  type Observable,
} from 'rxjs'
import { soleOwner, type FileRef, type StoredFile } from '../model/file.ts'
import { concatMapEager } from '../rx/concat-map-eager.ts'
import { Pulled } from '../rx/pulled.ts'
import { writeTo } from '../rx/write-to.ts'
import { pieceBytes, type FileStore } from './file-store.ts'
import { HeldBlock } from './held-block.ts'
import type { Pace } from './pace.ts'
import { planBlocks, type ByteRange } from './plan-blocks.ts'

/** What a client that does not read can pin down of the pool. */
const slowPieceBytes = 16 * 1024

/** A file that stays whole, whatever happens to its name, until it is closed, once. */
export interface OpenFile {
  readonly file: StoredFile
  readonly close: () => void
}

export function openFile(store: FileStore, ref: FileRef): Promise<OpenFile | undefined> {
  return store.openFiles.open(() => store.catalog.findFile(soleOwner, ref))
}

/**
 * Writes a range of an open file to a stream: reads ahead up to `maxDownloadConcurrencyPerFile` blocks, verifies each,
 * and writes them in order. Nothing is written before the first block is verified: what goes wrong until then can still
 * be answered. Completes when the stream has passed all bytes on; does not end the stream.
 *
 * Errors `corrupt`, `not_found` (a chunk is missing) or `unavailable` from the chunk store, and with what `writeTo` errors with. All
 * buffers go back, the one being written when the stream is done with it. `pace` is the connection's.
 */
export function download(
  store: FileStore,
  file: StoredFile,
  wanted: ByteRange,
  output: Writable,
  pace: Pace,
): Observable<never> {
  return defer(() => {
    const limited = store.reading.queue()
    const held = new Set<HeldBlock>()
    const planned = new Pulled(planBlocks(store.catalog, file, wanted))
    const write = blockWriter(store, output, pace)

    const writeInOrder = (block: HeldBlock) => {
      return write(block).pipe(
        finalize(() => {
          held.delete(block)
          block.drop()
        }),
      )
    }

    return planned.pipe(
      map((block) => new HeldBlock(store, block, limited)),
      tap((block) => held.add(block)),
      concatMapEager(store.options.maxDownloadConcurrencyPerFile, startRead, writeInOrder, planned.pull),
      ignoreElements(),
      finalize(() => {
        for (const block of held) block.drop()
      }),
    )
  })
}

/**
 * Writes block by block: whole, straight from their buffers, to a client that keeps up. One that has not shown that it does,
 * or no longer does, gets copies of small pieces: all that it can pin down is one of them.
 */
function blockWriter(
  store: FileStore,
  output: Writable,
  pace: Pace,
): (block: HeldBlock) => Observable<never> {
  const write = writeTo(output)

  const writeWhole = (block: HeldBlock) => {
    const { from, to } = block.planned
    return block.use().pipe(
      concatMap((right) => {
        const bytes = right.bytes.subarray(from, to)
        return pace.timed(
          output,
          bytes.length,
          write(bytes, () => right.release()),
        )
      }),
    )
  }

  const writePiece = (block: HeldBlock, from: number, to: number): Observable<never> =>
    store.pool.lease(slowPieceBytes).pipe(
      concatMap((piece) => {
        const right = block.useAtOnce()
        if (!right) {
          // Whoever waits for a lease must not hold one that others wait for.
          piece.release()
          return load(block).pipe(concatWith(writePiece(block, from, to)))
        }
        right.bytes.copy(piece.bytes, 0, from, to)
        right.release()
        block.rest()
        const bytes = piece.bytes.subarray(0, to - from)
        return pace.timed(
          output,
          bytes.length,
          write(bytes, () => piece.release()),
        )
      }),
    )

  const writePieces = (block: HeldBlock) => {
    const { from, to } = block.planned
    return range(0, Math.ceil((to - from) / slowPieceBytes)).pipe(
      map((index) => from + index * slowPieceBytes),
      concatMap((start) => writePiece(block, start, Math.min(to, start + slowPieceBytes))),
    )
  }

  return (block) => {
    const { from, to } = block.planned
    return pace.isFast || to - from <= pieceBytes ? writeWhole(block) : writePieces(block)
  }
}

/** Emits the block when it is ready to be written. */
function startRead(block: HeldBlock): Observable<HeldBlock> {
  return load(block).pipe(endWith(block))
}

/** Reads and verifies the block unless it is there, and leaves it waiting. */
function load(block: HeldBlock): Observable<never> {
  return block.use().pipe(
    tap((right) => {
      right.release()
      block.rest()
    }),
    ignoreElements(),
  )
}
