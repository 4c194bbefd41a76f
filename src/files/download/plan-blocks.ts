import type { ByteRange } from '../../model/byte-range.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { damage } from '../../catalog/seals.ts'
import type { FileChunk } from '../../model/chunk.ts'
import { blockBytes } from '../../model/digest.ts'
import type { StoredFile } from '../../model/file.ts'

/** One block to be read and verified whole, of which `from` to `to` (exclusive) are wanted. */
export interface PlannedBlock {
  readonly chunk: FileChunk
  /** Offset of the block in its chunk. */
  readonly offset: number
  readonly length: number
  readonly from: number
  readonly to: number
  /** End of the last block that this download reads of the chunk. */
  readonly until: number
}

/**
 * Chunks per page of the list. Each download holds a page in memory, and a thousand long pages
 * would take as much as all buffers. So the first page is short, which suffices for clients that
 * stall at the beginning, and each later one is twice as long.
 */
const chunksPerPage = { first: 2, most: 16 }

/**
 * The blocks that hold a range of a file, in order. It fetches the chunk list page by page as
 * blocks are asked for, so a file of a tebibyte never becomes a million objects. Throws `corrupt`
 * if the list has a hole or is longer than the file.
 */
export async function* planBlocks(
  catalog: Pick<Catalog, 'listChunks'>,
  { id, size }: StoredFile,
  { start, end }: ByteRange,
): AsyncGenerator<PlannedBlock> {
  let at = start
  for (let page = chunksPerPage.first; at < end; page = Math.min(2 * page, chunksPerPage.most)) {
    const chunks = await catalog.listChunks(id, at, Math.min(page, end - at))
    for (const chunk of chunks) {
      if (at >= end) break
      if (at < chunk.start || at >= chunk.start + chunk.size || chunk.start + chunk.size > size) break
      yield* blocksOfChunk(chunk, at, end)
      at = Math.min(end, chunk.start + chunk.size)
    }
    const last = chunks.at(-1)
    if (at < end && (!last || at !== last.start + last.size)) {
      throw damage(`file ${id} of ${size} bytes has no chunk for byte ${at}`)
    }
  }
}

function* blocksOfChunk(chunk: FileChunk, start: number, end: number): Generator<PlannedBlock> {
  const first = start - chunk.start
  const last = Math.min(chunk.size, end - chunk.start)
  const until = Math.min(chunk.size, Math.ceil(last / blockBytes) * blockBytes)
  for (let offset = first - (first % blockBytes); offset < last; offset += blockBytes) {
    const length = Math.min(blockBytes, until - offset)
    const [from, to] = [Math.max(0, first - offset), Math.min(length, last - offset)]
    yield { chunk, offset, length, from, to, until }
  }
}
