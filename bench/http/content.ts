import { randomBytes } from 'node:crypto'

const mib = 1024 * 1024
const piece = randomBytes(mib)
let counted = 0

/**
 * Gives a body piece by piece, in a buffer that is the next one's, too. Each piece begins with a
 * number that none before has had: no two chunks are alike, and a server that keeps the same
 * content once has to keep each. Unless it `repeatsAfter` so many bytes.
 */
export function content(bytes: number, repeatsAfter = Infinity): () => Uint8Array | undefined {
  const own = Buffer.from(piece.subarray(0, bytes))
  let sent = 0
  return () => {
    if (sent >= bytes) return undefined
    const number = repeatsAfter === Infinity ? counted++ : (sent % repeatsAfter) / mib
    own.writeDoubleBE(number)
    const length = Math.min(mib, bytes - sent)
    sent += length
    return own.subarray(0, length)
  }
}
