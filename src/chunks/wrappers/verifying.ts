import type { Location } from '../../model/chunk.ts'
import { digestBlocks } from '../../hashing/digest-blocks.ts'
import { blockBytes, digestBytes } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import type { ChunkStore, ReadOptions } from '../chunk-store.ts'

/**
 * Compares every byte that it lets out with the digest of its block. A damaged block rejects
 * `corrupt`, and after any rejection `into` holds zeros, so that bad bytes cannot be used by
 * mistake. Whole blocks are read straight into `into`. A range that starts or ends inside a block
 * makes it read that block into a separate buffer. A read whose number of block digests does not
 * fit its size rejects `TypeError`.
 *
 * `put` passes straight through: its caller has just computed the digests, and a second time would
 * halve the speed of uploads.
 *
 * `mayUseThread` decides for each piece of work whether a hashing thread may do it.
 */
export function verifying(store: ChunkStore, mayUseThread?: () => boolean): ChunkStore {
  return {
    put: (digest, pieces, options) => store.put(digest, pieces, options),
    delete: (location, options) => store.delete(location, options),
    list: (options) => store.list(options),
    close: () => store.close(),
    async read(location, offset, into, options) {
      options.signal?.throwIfAborted()
      checkRange(location, offset, into, options)
      try {
        await readVerified({ store, mayUseThread }, location, offset, into, options)
      } catch (error) {
        into.fill(0)
        throw error
      }
    },
  }
}

function checkRange(location: Location, offset: number, into: Uint8Array, options: ReadOptions): void {
  const { size, blockDigests } = options
  if (blockDigests.length !== Math.ceil(size / blockBytes) * digestBytes) {
    throw new TypeError(`${blockDigests.length} bytes of block digests do not fit a chunk of ${size} bytes`)
  }
  if (offset + into.length > size) {
    throw new StoreError('corrupt', `The chunk at ${location} ends at byte ${size}.`)
  }
}

/** A reader, and the digests that verify it. */
interface Verifier {
  readonly store: ChunkStore
  readonly mayUseThread: (() => boolean) | undefined
}

async function readVerified(
  verifier: Verifier,
  location: Location,
  offset: number,
  into: Uint8Array,
  options: ReadOptions,
): Promise<void> {
  const { store } = verifier
  const end = offset + into.length
  for (let at = offset; at < end;) {
    const from = at - (at % blockBytes)
    const blockEnd = Math.min(from + blockBytes, options.size)
    if (at === from && end >= blockEnd) {
      const wholeEnd = end === options.size ? end : end - (end % blockBytes)
      const blocks = into.subarray(at - offset, wholeEnd - offset)
      await store.read(location, at, blocks, options)
      await checkBlocks(verifier, location, at, blocks, options)
      at = wholeEnd
    } else {
      const block = Buffer.allocUnsafe(blockEnd - from)
      await store.read(location, from, block, options)
      await checkBlocks(verifier, location, from, block, options)
      block.copy(into, at - offset, at - from, Math.min(end, blockEnd) - from)
      at = Math.min(end, blockEnd)
    }
  }
}

/** `bytes` start at a block boundary, `from`, and end at one or at the end of the chunk. */
async function checkBlocks(
  { mayUseThread }: Verifier,
  location: Location,
  from: number,
  bytes: Uint8Array,
  { blockDigests }: ReadOptions,
): Promise<void> {
  const digests = await digestBlocks([bytes], mayUseThread)
  const first = from / blockBytes
  for (let at = 0; at < digests.length; at += digestBytes) {
    const block = first + at / digestBytes
    const expected = blockDigests.subarray(block * digestBytes, (block + 1) * digestBytes)
    if (Buffer.compare(digests.subarray(at, at + digestBytes), expected) !== 0) {
      throw new StoreError('corrupt', `Block ${block} of the chunk at ${location} is damaged.`)
    }
  }
}
