import { sql } from 'kysely'
import type { Chunk, FileChunk, Location, PackedChunks } from '../../model/chunk.ts'
import { bytesOfDigest, digestOfBytes } from '../../model/digest.ts'
import type { Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ChunkUse } from '../catalog.ts'
import { checkRun, checkUse, damage, sealOfUse, type SealedUse } from '../seals.ts'
import { addGarbage, disownOrphan } from './garbage.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'
import { segmentsFrom, type Segment } from './segments.ts'

/** Appends chunks to a file or an upload, from byte `start` on, and resolves with where they end. Rejects `chunk_gone`. */
export async function useChunks(
  db: Database,
  fileId: FileId,
  start: number,
  uses: readonly ChunkUse[],
): Promise<number> {
  let end = start
  for (const use of uses) {
    const chunkId = await idOfUsed(db, use)
    const { size, blockDigests } = use
    const chunk = { digest: bytesOfDigest(use.digest), size, block_digests: blockDigests }
    await insertFileChunk(db, { fileId, start: end, chunkId, seal: sealOfUse(fileId, end, chunk) })
    end += use.size
  }
  return end
}

async function idOfUsed(db: Database, use: ChunkUse): Promise<number> {
  const { location, size, blockDigests } = use
  const digest = bytesOfDigest(use.digest)
  const [present] = await selectByDigest(db, { digest })
  if (!present) {
    if (location === undefined) {
      throw new StoreError('chunk_gone', 'A chunk that was present has been collected: send its bytes again.')
    }
    await disownOrphan(db, { location })
    const [inserted] = await insertChunk(db, { digest, size, location, blockDigests })
    return inserted!.id
  }
  if (present.size !== size || Buffer.compare(present.block_digests, blockDigests) !== 0)
    throw damage(`the row of the chunk ${use.digest} is that of another one`)
  // One write can be used at several places; its location is no garbage then.
  if (location !== undefined && location !== present.location) {
    const isMended = use.mends === present.location
    await disownOrphan(db, { location })
    if (isMended) await moveChunk(db, { id: present.id, location })
    await addGarbage(db, { location: isMended ? present.location : location, size: present.size })
  }
  return present.id
}

export async function findChunk(db: Database, digest: Digest): Promise<Chunk | undefined> {
  const [row] = await selectByDigest(db, { digest: bytesOfDigest(digest) })
  return row && { digest, size: row.size, blockDigests: row.block_digests, location: row.location }
}

export async function listChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<readonly FileChunk[]> {
  const chunks: FileChunk[] = []
  for (const segment of await segmentsFrom(db, id, from, limit)) {
    if (chunks.length === limit) break
    for (const row of await selectChunks(db, rangeOf(segment, from, limit - chunks.length))) {
      checkUse(segment.listId, row)
      const { start, digest, size, block_digests: blockDigests, location } = row
      chunks.push({
        start: segment.start + start,
        digest: digestOfBytes(digest),
        size,
        blockDigests,
        location,
      })
    }
  }
  return chunks
}

export async function packChunks(
  db: Database,
  id: FileId,
  from: number,
  limit: number,
): Promise<PackedChunks> {
  const rows: SealedUse[] = []
  for (const segment of await segmentsFrom(db, id, from, limit)) {
    if (rows.length === limit) break
    for (const row of await selectChunks(db, rangeOf(segment, from, limit - rows.length))) {
      checkUse(segment.listId, row)
      rows.push({ ...row, start: segment.start + row.start })
    }
  }
  checkRun(rows, from)
  return {
    sizes: rows.map(({ size }) => size),
    digests: Buffer.concat(rows.map(({ digest }) => digest)),
    blockDigests: Buffer.concat(rows.map(({ block_digests: blockDigests }) => blockDigests)),
  }
}

function rangeOf({ listId, start }: Segment, from: number, limit: number): ChunkRange {
  return { id: listId, from: Math.max(0, from - start), limit }
}

const selectByDigest = prepared((db, values: { digest: Uint8Array }) =>
  db.selectFrom('chunks').selectAll().where('digest', '=', values.digest),
)

const insertChunk = prepared(
  (db, values: { digest: Uint8Array; size: number; location: Location; blockDigests: Uint8Array }) =>
    db
      .insertInto('chunks')
      .values({
        digest: values.digest,
        size: values.size,
        location: values.location,
        block_digests: values.blockDigests,
      })
      .returning('id'),
)

/** As the default of the column has it. */
const currentMs = sql<number>`cast(unixepoch('subsec') * 1000 as integer)`

const moveChunk = prepared((db, values: { id: number; location: Location }) =>
  db
    .updateTable('chunks')
    .set({ location: values.location, checked_at: currentMs, condition: 'sound' })
    .where('id', '=', values.id),
)

const insertFileChunk = prepared(
  (db, values: { fileId: FileId; start: number; chunkId: number; seal: number }) =>
    db.insertInto('file_chunks').values({
      file_id: values.fileId,
      start: values.start,
      chunk_id: values.chunkId,
      seal: values.seal,
    }),
)

interface ChunkRange {
  readonly id: FileId
  readonly from: number
  readonly limit: number
}

const selectChunks = prepared((db, values: ChunkRange) =>
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
    .limit(values.limit),
)
