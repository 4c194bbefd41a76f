import { createBLAKE3, type IHasher } from 'hash-wasm'
import type { Digest } from '../../model/digest.ts'
import type { ContentHasher } from './platform.ts'

// As in `model/digest.ts`, which hashes with native code.
const blockBytes = 1024 * 1024
const digestBytes = 32

/** The digest of a chunk, over the digests of its blocks, in WebAssembly. */
export async function wasmChunkHasher(): Promise<ContentHasher<Uint8Array>> {
  const [chunk, block] = await Promise.all([createBLAKE3(), createBLAKE3()])
  chunk.init()
  block.init()
  let filled = 0
  const closeBlock = () => {
    chunk.update(block.digest('binary'))
    block.init()
    filled = 0
  }
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length;) {
        const taken = bytes.subarray(at, at + blockBytes - filled)
        block.update(taken)
        filled += taken.length
        at += taken.length
        if (filled === blockBytes) closeBlock()
      }
    },
    digest() {
      if (filled > 0) closeBlock()
      return digestOf(chunk)
    },
  }
}

/** The digest of a file, over the digests of its chunks, in WebAssembly. */
export async function wasmFileHasher(): Promise<ContentHasher<Digest>> {
  const file = await createBLAKE3()
  file.init()
  return {
    update: (digest) => file.update(bytesOf(digest)),
    digest: () => digestOf(file),
  }
}

function digestOf(hasher: IHasher): Digest {
  return hasher.digest('hex') as Digest
}

function bytesOf(digest: Digest): Uint8Array {
  return Uint8Array.from({ length: digestBytes }, (_, index) =>
    Number.parseInt(digest.slice(2 * index, 2 * index + 2), 16),
  )
}
