import { blake3, Blake3Hasher } from '@napi-rs/blake-hash'
import { asBuffer, blockBytes, bytesOfDigest, digestOfBytes, type Digest } from './digest.ts'

/** The raw BLAKE3-256 digest of one block. */
export function digestOfBlock(block: Uint8Array): Buffer {
  return blake3(asBuffer(block))
}

/**
 * A chunk's digest: BLAKE3 over the concatenated raw digests of its blocks. There are never more
 * than three levels above the bytes, so a digest of one level can never stand for another.
 */
export function digestOfChunk(blockDigests: Uint8Array): Digest {
  return digestOfBytes(blake3(asBuffer(blockDigests)))
}

/** Cuts bytes that arrive in pieces of any size into blocks, and hashes each block. */
export class BlockHasher {
  #digests: Buffer[] = []
  #hasher = new Blake3Hasher()
  #filled = 0

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const take = Math.min(bytes.length - at, blockBytes - this.#filled)
      if (take === blockBytes) {
        // A whole block in one call takes little more than half the time.
        this.#digests.push(digestOfBlock(bytes.subarray(at, at + take)))
        at += take
        continue
      }
      this.#hasher.update(asBuffer(bytes.subarray(at, at + take)))
      this.#filled += take
      at += take
      if (this.#filled === blockBytes) this.#closeBlock()
    }
  }

  /**
   * Returns the raw digests of the blocks since the last call, concatenated (n × 32 bytes), and
   * resets the hasher.
   */
  finish(): Buffer {
    if (this.#filled > 0) this.#closeBlock()
    const digests = Buffer.concat(this.#digests)
    this.#digests = []
    return digests
  }

  #closeBlock(): void {
    this.#digests.push(this.#hasher.digestBuffer())
    this.#hasher = new Blake3Hasher()
    this.#filled = 0
  }
}

/**
 * A file's digest: BLAKE3 over the concatenated raw digests of its chunks, in order. An empty file
 * has the digest of no bytes.
 */
export class FileHasher {
  readonly #hasher = new Blake3Hasher()

  add(chunk: Digest): void {
    this.addAll(bytesOfDigest(chunk))
  }

  /** Adds the concatenated raw digests of chunks. */
  addAll(chunks: Uint8Array): void {
    this.#hasher.update(asBuffer(chunks))
  }

  digest(): Digest {
    return digestOfBytes(this.#hasher.digestBuffer())
  }
}
