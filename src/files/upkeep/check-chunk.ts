import type { Condition } from '../../catalog/upkeep.ts'
import { lostLocation } from '../../catalog/catalog-restore.ts'
import type { Chunk } from '../../model/chunk.ts'
import { blockBytes, digestBytes } from '../../model/digest.ts'
import { digestOfChunk } from '../../model/hashers.ts'
import { isStoreError } from '../../model/errors.ts'

/**
 * Reads all of a chunk, block by block, and says how it is. `readBlock` reads and verifies the
 * bytes from `offset` on. What it rejects with that is no verdict, because the store cannot be read
 * just now, is what this rejects with.
 */
export async function checkChunk(
  { digest, size, blockDigests, location }: Chunk,
  readBlock: (offset: number, length: number) => Promise<void>,
): Promise<Condition> {
  if (location === lostLocation) return 'missing'
  // What the blocks are compared with is worth no more than the catalog's own disk.
  if (blockDigests.length !== Math.ceil(size / blockBytes) * digestBytes) return 'damaged'
  if (digestOfChunk(blockDigests) !== digest) return 'damaged'
  try {
    for (let offset = 0; offset < size; offset += blockBytes) {
      await readBlock(offset, Math.min(blockBytes, size - offset))
    }
    return 'sound'
  } catch (error) {
    if (isStoreError(error, 'not_found')) return 'missing'
    if (isStoreError(error, 'corrupt')) return 'damaged'
    throw error
  }
}
