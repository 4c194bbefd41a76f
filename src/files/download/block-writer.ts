import type { Writable } from 'node:stream'
import { catchError, concatMap, defer, finalize, map, range, throwError, type Observable } from 'rxjs'
import type { Lease } from '../../buffers/buffer-pool.ts'
import { writeTo } from '../../streams/write-to.ts'
import { closedEarly } from '../../streams/until-closed.ts'
import { pieceBytes, slowPieceBytes, type Transfer } from '../state/file-store.ts'
import type { ReadAheadBlock } from './read-ahead-block.ts'
import type { ClientSpeed } from './client-speed.ts'

/**
 * Makes a function that writes block by block. A client that keeps up gets whole blocks, straight
 * from their buffers. A client that has not shown yet that it keeps up, or no longer does, gets
 * copies of small pieces, so that it can pin down only one of them. The same holds for every client
 * while whole writes use up their share of the pool.
 */
export function blockWriter(
  store: Transfer,
  output: Writable,
  speed: ClientSpeed,
): (block: ReadAheadBlock) => Observable<never> {
  const writeBytes = writeTo(output)
  const limited = store.writingPieces.queue()

  const write = (bytes: Uint8Array, onSettled: () => void) =>
    speed.timed(output, bytes.length, writeBytes(bytes, onSettled)).pipe(
      // A connection that is torn down first fails its writes, with an error of its own, and then
      // closes.
      catchError((error: unknown) => throwError(() => closedEarly(error))),
    )

  const writeWhole = (block: ReadAheadBlock, onSettled: () => void) => {
    const { from, to } = block.planned
    let isHanded = false
    return block.acquire().pipe(
      concatMap((right) => {
        isHanded = true
        return write(right.bytes.subarray(from, to), () => {
          right.release()
          onSettled()
        })
      }),
      finalize(() => {
        if (!isHanded) onSettled()
      }),
    )
  }

  const writePiece = (piece: Lease, block: ReadAheadBlock, from: number, to: number) =>
    block.acquire().pipe(
      concatMap((right) => {
        right.bytes.copy(piece.bytes, 0, from, to)
        right.release()
        block.idle()
        const written = piece.share()
        return write(piece.bytes.subarray(0, to - from), () => written.release())
      }),
    )

  const writePieces = (block: ReadAheadBlock) => {
    const { from, to } = block.planned
    const inPieces = (piece: Lease) =>
      range(0, Math.ceil((to - from) / slowPieceBytes)).pipe(
        map((index) => from + index * slowPieceBytes),
        concatMap((start) => writePiece(piece, block, start, Math.min(to, start + slowPieceBytes))),
        finalize(() => piece.release()),
      )
    // Lease the piece before the block: a client with a piece can use a block at once and then let
    // it go.
    return limited(store.pool.lease(slowPieceBytes).pipe(concatMap(inPieces)))
  }

  return (block) =>
    defer(() => {
      const mayBeWhole = speed.isFast || block.planned.length <= pieceBytes
      const endWhole = mayBeWhole ? store.zeroCopyBudget.tryAcquire() : undefined
      return endWhole ? writeWhole(block, endWhole) : writePieces(block)
    })
}
