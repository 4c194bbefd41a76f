import type { ReadOptions } from '../../src/chunks/chunk-store.ts'
import { BlockHasher, digestOfChunk } from '../../src/model/hashers.ts'
import type { Digest } from '../../src/model/digest.ts'

export interface SampleChunk {
  readonly bytes: Buffer
  readonly digest: Digest
  /** What a read of the chunk is to be given. */
  readonly options: ReadOptions
}

/**
 * A chunk of that size. Its bytes follow from size and seed, and no stretch of it looks like
 * another.
 */
export function sampleChunk(size: number, seed = 1): SampleChunk {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = (Math.imul(size, 2_654_435_761) ^ seed) >>> 0
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[at] = state
  }
  return chunkOf(Buffer.from(words.buffer, 0, size))
}

export function chunkOf(bytes: Buffer): SampleChunk {
  const hasher = new BlockHasher()
  hasher.update(bytes)
  const blockDigests = hasher.finish()
  return { bytes, digest: digestOfChunk(blockDigests), options: { blockDigests, size: bytes.length } }
}

/** The bytes in pieces of `pieceBytes`, which share their memory. */
export function inPieces(bytes: Buffer, pieceBytes: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, piece) =>
    bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes),
  )
}
