import { expect, it } from 'vitest'
import { wasmChunkHasher, wasmFileHasher } from '../../../src/client/transport/wasm-hashers.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { BlockHasher, digestOfChunk, FileHasher } from '../../../src/model/hashers.ts'
import { sample } from '../../http/sample.ts'

it.each([1, 1000, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes, 3 * blockBytes + 5])(
  'WebAssembly has the same digest of a chunk of %d bytes as the server',
  async (size) => {
    const bytes = sample(size)
    const blocks = new BlockHasher()
    blocks.update(bytes)
    const hasher = await wasmChunkHasher()
    for (let at = 0; at < size; at += 300_007) hasher.update(bytes.subarray(at, at + 300_007))
    expect(hasher.digest()).toBe(digestOfChunk(blocks.finish()))
  },
)

it.each([0, 1, 2, 100])(
  'WebAssembly has the same digest of a file of %d chunks as the server',
  async (count) => {
    const native = new FileHasher()
    const hasher = await wasmFileHasher()
    for (let index = 0; index < count; index += 1) {
      const digest = digestOfChunk(sample(32))
      native.add(digest)
      hasher.update(digest)
    }
    expect(hasher.digest()).toBe(native.digest())
  },
)
