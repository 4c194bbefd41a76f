import { sql } from 'kysely'
import type { FileChunk, PackedChunks } from '../../model/chunk.ts'
import { blockBytes, digestBytes, digestOfBytes } from '../../model/digest.ts'
import type { FileId } from '../../model/file.ts'
import { checkRun, checkUse, damage, sealOfUse, type SealedUse } from '../seals.ts'
import type { Database, PackedRow } from './dialect.ts'
import { prepared, type Queries } from './prepared.ts'
import { segmentsFrom, type Segment } from './segments.ts'

/** Reads once, except for what was concatenated. */
export async function listChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<readonly FileChunk[]> {
  // Few files were concatenated; only those have no chunks of their own.
  const own = await listOwnChunks(db, id, from, limit)
  return own.length > 0 ? own : listConcatenatedChunks(db, id, from, limit)
}

/** Reads several times: what it reads must not change meanwhile. */
async function listConcatenatedChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<readonly FileChunk[]> {
  const chunks: FileChunk[] = []
  for (const { listId, start } of await segmentsFrom(db, id, from, limit)) {
    if (chunks.length === limit) break
    const ofList = await listOwnChunks(db, listId, Math.max(0, from - start), limit - chunks.length)
    for (const chunk of ofList) chunks.push({ ...chunk, start: start + chunk.start })
  }
  return chunks
}

/** The same of what was not joined; of all else nothing. Reads once. */
export async function listOwnChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<readonly FileChunk[]> {
  const rows = await selectChunks(db, { id, from, limit })
  return rows.map((row) => {
    checkUse(id, row)
    const { start, digest, size, block_digests: blockDigests, location } = row
    return { start, digest: digestOfBytes(digest), size, blockDigests, location }
  })
}

/** Reads several times: what it reads must not change meanwhile. */
export async function packChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<PackedChunks> {
  const positions: { readonly start: number; readonly size: number }[] = []
  const digests: Uint8Array[] = []
  const blockDigests: Uint8Array[] = []
  for (const { listId, start } of await segmentsFrom(db, id, from, limit)) {
    if (positions.length === limit) break
    const range = { id: listId, from: Math.max(0, from - start), limit: limit - positions.length }
    for (const row of await usesIn(db, range)) {
      checkUse(listId, row)
      positions.push({ start: start + row.start, size: row.size })
      digests.push(row.digest)
      blockDigests.push(row.block_digests)
    }
  }
  checkRun(positions, from)
  return {
    sizes: positions.map(({ size }) => size),
    digests: Buffer.concat(digests),
    blockDigests: Buffer.concat(blockDigests),
  }
}

async function usesIn(db: Database, range: ChunkRange): Promise<readonly SealedUse[]> {
  if (!db.dialect.packed) return selectChunks(db, range)
  const [row] = await selectPacked(db, range)
  return unpacked(range.id, row!)
}

/** Throws `corrupt` if the sizes of the chunks do not go with the bytes of their digests. */
function unpacked(listId: FileId, row: PackedRow): readonly SealedUse[] {
  let at = 0
  const uses = row.sizes.map((size, index) => {
    const from = at
    at += Math.ceil(size / blockBytes) * digestBytes
    return {
      start: row.starts[index]!,
      seal: row.seals[index]!,
      size,
      digest: row.digests.subarray(index * digestBytes, (index + 1) * digestBytes),
      block_digests: row.block_digests.subarray(from, at),
    }
  })
  if (at !== row.block_digests.length) throw damage(`the chunk list ${listId} has changed`)
  return uses
}

/** Moves the chunks that begin from `start` on and before `end` to another list, `by` bytes on. */
export async function moveChunks(db: Database, { listId, start, end, toId, by }: Move): Promise<void> {
  for (let from = start; ;) {
    const rows = await selectUses(db, { id: listId, from, end, limit: rowsPerStep })
    if (rows.length === 0) return
    for (const row of rows) checkUse(listId, row)
    const moved = rows.map((row) => ({ start: row.start, seal: sealOfUse(toId, row.start + by, row) }))
    await moveUses(db, { id: listId, toId, by, moved })
    from = rows.at(-1)!.start + 1
  }
}

interface Move extends Segment {
  readonly end: number
  readonly toId: FileId
  readonly by: number
}

const rowsPerStep = 256

/** Without where the chunks are kept. */
export const selectUses = prepared(
  (queries, values: { id: FileId; from: number; end: number; limit: number }) =>
    queries
      .selectFrom('file_chunks as use')
      .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
      .select(['use.start', 'use.seal', 'chunk.digest', 'chunk.size', 'chunk.block_digests'])
      .where('use.file_id', '=', values.id)
      .where('use.start', '>=', values.from)
      .where('use.start', '<', values.end)
      .orderBy('use.start')
      .limit(values.limit),
)

interface Moved {
  readonly id: FileId
  readonly toId: FileId
  readonly by: number
  readonly moved: readonly { readonly start: number; readonly seal: number }[]
}

const moveUses = prepared((queries, { id, toId, by, moved }: Moved, { given, typed }) =>
  queries
    .updateTable('file_chunks')
    .from(given(moved, { start: 'integer', seal: 'integer' }))
    .set((eb) => ({
      file_id: toId,
      start: sql<number>`file_chunks.start + ${typed(by, 'integer')}`,
      seal: eb.ref('given.seal'),
    }))
    .where('file_id', '=', id)
    .whereRef('file_chunks.start', '=', 'given.start'),
)

/** Those of the two positions at which a chunk of the list begins. */
export const selectChunksAt = prepared((queries, values: { id: FileId; start: number; end: number }) =>
  queries
    .selectFrom('file_chunks')
    .select('start')
    .where('file_id', '=', values.id)
    .where('start', 'in', [values.start, values.end]),
)

interface ChunkRange {
  readonly id: FileId
  readonly from: number
  readonly limit: number
}

const chunksIn = (queries: Queries, values: ChunkRange) =>
  queries
    .selectFrom('file_chunks as use')
    .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
    .select(['use.start', 'use.seal', 'chunk.digest', 'chunk.size', 'chunk.block_digests', 'chunk.location'])
    .where('use.file_id', '=', values.id)
    .where('use.start', '>=', (eb) =>
      eb.fn.coalesce(
        eb
          .selectFrom('file_chunks as before')
          .select(({ fn }) => fn.max('before.start').as('start'))
          .where('before.file_id', '=', values.id)
          .where('before.start', '<=', values.from),
        eb.lit(0),
      ),
    )
    // Leaves out the last chunk where `from` is at the end of the file or past it.
    .where((eb) => eb(eb('use.start', '+', eb.ref('chunk.size')), '>', values.from))
    .orderBy('use.start')
    .limit(values.limit)

const selectChunks = prepared(chunksIn)

const selectPacked = prepared((queries, values: ChunkRange, { packed }) => packed!(chunksIn(queries, values)))
