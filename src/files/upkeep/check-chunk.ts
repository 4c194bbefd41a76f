import type { Condition } from '../../catalog/upkeep.ts'
import { lostLocation } from '../../catalog/catalog-restore.ts'
import type { Chunk } from '../../model/chunk.ts'
import { blockBytes, digestBytes } from '../../model/digest.ts'
import { digestOfChunk } from '../../model/hashers.ts'
import { isStoreError } from '../../model/errors.ts'

/**
 * Reads a chunk block by block and says whether it is sound. `readBlock` reads and verifies the
 * bytes from `offset` on. An error of it that is no verdict, because the store cannot be read just
 * now, rejects.
 */
export async function checkChunk(
  { digest, size, blockDigests, location }: Chunk,
  readBlock: (offset: number, length: number) => Promise<void>,
): Promise<Condition> {
  if (location === lostLocation) return 'missing'
  // The digests that the blocks are compared with come from the catalog's own disk.
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
