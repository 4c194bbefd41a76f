import { sql } from 'kysely'
import type { FileChunk, PackedChunks } from '../../model/chunk.ts'
import { digestOfBytes } from '../../model/digest.ts'
import type { FileId } from '../../model/file.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'
import { segmentsFrom, type Segment } from './segments.ts'

/** Reads several times: what it reads must not change meanwhile. */
export async function listChunks(
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
  return rows.map(({ start, digest, size, block_digests, location }) => ({
    start,
    digest: digestOfBytes(digest),
    size,
    blockDigests: block_digests,
    location,
  }))
}

/** Reads several times: what it reads must not change meanwhile. */
export async function packChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<PackedChunks> {
  const sizes: number[] = []
  const digests: Uint8Array[] = []
  const blockDigests: Uint8Array[] = []
  for (const { listId, start } of await segmentsFrom(db, id, from, limit)) {
    if (sizes.length === limit) break
    const range = { id: listId, from: Math.max(0, from - start), limit: limit - sizes.length }
    const [row] = await selectPacked(db, range)
    sizes.push(...row!.sizes)
    digests.push(row!.digests)
    blockDigests.push(row!.block_digests)
  }
  return { sizes, digests: Buffer.concat(digests), blockDigests: Buffer.concat(blockDigests) }
}

/** Makes the chunks that begin at `start` or behind it and before `end` those of another list, `by` bytes further on. */
export const moveChunks = prepared(
  (db, values: Segment & { readonly end: number; readonly toId: FileId; readonly by: number }) =>
    db
      .updateTable('file_chunks')
      .set({ file_id: values.toId, start: sql`start + ${values.by}::bigint` })
      .where('file_id', '=', values.listId)
      .where('start', '>=', values.start)
      .where('start', '<', values.end),
)

/** Those of the two places at which a chunk of the list begins. */
export const selectChunksAt = prepared((db, values: { id: FileId; start: number; end: number }) =>
  db
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

const chunksIn = (db: Database, values: ChunkRange) =>
  db
    .selectFrom('file_chunks as use')
    .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
    .select(['use.start', 'chunk.digest', 'chunk.size', 'chunk.block_digests', 'chunk.location'])
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

/** A row for each chunk would take several times as long. */
const selectPacked = prepared((db, values: ChunkRange) =>
  db
    .selectFrom(chunksIn(db, values).as('chunk'))
    .select([
      sql<number[]>`coalesce(array_agg(size order by start), '{}')`.as('sizes'),
      sql<Uint8Array>`coalesce(string_agg(digest, '' order by start), '')`.as('digests'),
      sql<Uint8Array>`coalesce(string_agg(block_digests, '' order by start), '')`.as('block_digests'),
    ]),
)
