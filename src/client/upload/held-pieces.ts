import { orAborted } from '../../model/abortable.ts'

export interface HeldPiece {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly isLast: boolean
}

/**
 * Cuts a stream into pieces of `heldBytes`; the last may be shorter, or empty. Rejects with the
 * signal's reason at once, even while the stream is silent.
 */
export async function* heldPieces(
  pieces: AsyncIterable<Uint8Array>,
  heldBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<HeldPiece> {
  let buffer = new Uint8Array(heldBytes)
  let filled = 0
  for await (const piece of untilAborted(pieces, signal)) {
    for (let at = 0; at < piece.length;) {
      if (filled === heldBytes) {
        yield { bytes: buffer, isLast: false }
        // The other may still be on its way out.
        buffer = new Uint8Array(heldBytes)
        filled = 0
      }
      const taken = piece.subarray(at, at + heldBytes - filled)
      buffer.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  yield { bytes: buffer.subarray(0, filled), isLast: true }
}

async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  signal?.throwIfAborted()
  const iterator = source[Symbol.asyncIterator]()
  let isEnded = false
  try {
    for (;;) {
      const { done, value } = await orAborted(iterator.next(), signal)
      isEnded = done === true
      if (isEnded) return
      yield value as T
    }
  } finally {
    // A silent stream may not end, either.
    if (!isEnded) iterator.return?.().catch(() => {})
  }
}
