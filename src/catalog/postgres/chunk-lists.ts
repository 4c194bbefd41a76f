import { sql } from 'kysely'
import type { FileChunk, PackedChunks } from '../../model/chunk.ts'
import { blockBytes, digestBytes, digestOfBytes } from '../../model/digest.ts'
import type { FileId } from '../../model/file.ts'
import { checkRun, checkUse, damage, sealOfUse } from '../seals.ts'
import { given } from './given.ts'
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
  const sizes: number[] = []
  const places: { readonly start: number; readonly size: number }[] = []
  const digests: Uint8Array[] = []
  const blockDigests: Uint8Array[] = []
  for (const { listId, start } of await segmentsFrom(db, id, from, limit)) {
    if (sizes.length === limit) break
    const range = { id: listId, from: Math.max(0, from - start), limit: limit - sizes.length }
    const [row] = await selectPacked(db, range)
    for (const place of unpacked(listId, row!)) places.push({ ...place, start: start + place.start })
    sizes.push(...row!.sizes)
    digests.push(row!.digests)
    blockDigests.push(row!.block_digests)
  }
  checkRun(places, from)
  return { sizes, digests: Buffer.concat(digests), blockDigests: Buffer.concat(blockDigests) }
}

interface PackedRow {
  readonly starts: readonly number[]
  readonly seals: readonly number[]
  readonly sizes: readonly number[]
  readonly digests: Uint8Array
  readonly block_digests: Uint8Array
}

/** Throws `corrupt` unless each chunk is as the list had it. */
function unpacked(listId: FileId, { starts, seals, sizes, digests, block_digests }: PackedRow) {
  let at = 0
  const places = sizes.map((size, index) => {
    const start = starts[index]!
    const end = at + Math.ceil(size / blockBytes) * digestBytes
    checkUse(listId, {
      start,
      seal: seals[index]!,
      size,
      digest: digests.subarray(index * digestBytes, (index + 1) * digestBytes),
      block_digests: block_digests.subarray(at, end),
    })
    at = end
    return { start, size }
  })
  if (at !== block_digests.length) throw damage(`the chunk list ${listId} has changed`)
  return places
}

/** Makes the chunks that begin at `start` or behind it and before `end` those of another list, `by` bytes further on. */
export async function moveChunks(db: Database, { listId, start, end, toId, by }: Move): Promise<void> {
  for (let from = start; ;) {
    const rows = await selectUses(db, { id: listId, from, end, limit: rowsPerStep })
    if (rows.length === 0) return
    for (const row of rows) checkUse(listId, row)
    await moveUses(db, {
      id: listId,
      toId,
      by,
      starts: rows.map((row) => row.start),
      seals: rows.map((row) => sealOfUse(toId, row.start + by, row)),
    })
    from = rows.at(-1)!.start + 1
  }
}

interface Move extends Segment {
  readonly end: number
  readonly toId: FileId
  readonly by: number
}

const rowsPerStep = 256

const selectUses = prepared((db, values: { id: FileId; from: number; end: number; limit: number }) =>
  db
    .selectFrom('file_chunks as use')
    .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
    .select(['use.start', 'use.seal', 'chunk.digest', 'chunk.size', 'chunk.block_digests'])
    .where('use.file_id', '=', values.id)
    .where('use.start', '>=', values.from)
    .where('use.start', '<', values.end)
    .orderBy('use.start')
    .limit(values.limit),
)

const moveUses = prepared(
  (
    db,
    values: {
      id: FileId
      toId: FileId
      by: number
      starts: readonly number[]
      seals: readonly number[]
    },
  ) =>
    db
      .updateTable('file_chunks')
      .from(
        given<{ start: number; seal: number }>({
          start: [values.starts, 'bigint'],
          seal: [values.seals, 'bigint'],
        }),
      )
      .set((eb) => ({
        file_id: values.toId,
        start: sql<number>`file_chunks.start + ${values.by}::bigint`,
        seal: eb.ref('given.seal'),
      }))
      .where('file_id', '=', values.id)
      .whereRef('file_chunks.start', '=', 'given.start'),
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

/** A row for each chunk would take several times as long. */
const selectPacked = prepared((db, values: ChunkRange) =>
  db
    .selectFrom(chunksIn(db, values).as('chunk'))
    .select([
      sql<number[]>`coalesce(array_agg(start order by start), '{}')`.as('starts'),
      sql<number[]>`coalesce(array_agg(seal order by start), '{}')`.as('seals'),
      sql<number[]>`coalesce(array_agg(size order by start), '{}')`.as('sizes'),
      sql<Uint8Array>`coalesce(string_agg(digest, '' order by start), '')`.as('digests'),
      sql<Uint8Array>`coalesce(string_agg(block_digests, '' order by start), '')`.as('block_digests'),
    ]),
)
