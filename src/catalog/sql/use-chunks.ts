import { sql } from 'kysely'
import type { Chunk, Location } from '../../model/chunk.ts'
import { bytesOfDigest, digestOfBytes, type Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ChunkUse } from '../catalog.ts'
import { damage, sealOfUse } from '../seals.ts'
import type { Garbage } from '../upkeep.ts'
import type { Database, Dialect } from './dialect.ts'
import { addGarbage } from './garbage.ts'
import { inserted, prepared, preparedTogether, type Queries } from './prepared.ts'
import type { FileChunkTable } from './schema.ts'

/**
 * Appends chunks to a file or an upload, from byte `start` on. Resolves with where they end.
 * Rejects `chunk_gone`.
 */
export async function useChunks(
  db: Database,
  fileId: FileId,
  start: number,
  uses: readonly ChunkUse[],
): Promise<number> {
  if (uses.length === 0) return start
  const held = await holdChunks(db, uses)
  for (const use of uses) checkHeld(use, held.get(use.digest)!)
  await settleLocations(db, uses, held)
  let end = start
  const rows = uses.map(({ digest, size, blockDigests }) => {
    const chunk = { digest: bytesOfDigest(digest), size, block_digests: blockDigests }
    const row = { start: end, chunk_id: held.get(digest)!.id, seal: sealOfUse(fileId, end, chunk) }
    end += size
    return row
  })
  await insertFileChunks(db, { fileId, rows })
  return end
}

function checkHeld({ digest, size, blockDigests }: ChunkUse, held: HeldChunk): void {
  const isSame = held.size === size && Buffer.compare(held.block_digests, blockDigests) === 0
  if (!isSame) throw damage(`the row of the chunk ${digest} is that of another one`)
}

export async function findChunk(db: Database, digest: Digest): Promise<Chunk | undefined> {
  const [row] = await selectByDigest(db, { digest: bytesOfDigest(digest) })
  return row && { digest, size: row.size, blockDigests: row.block_digests, location: row.location }
}

interface HeldChunk {
  readonly id: number
  readonly size: number
  readonly location: Location
  readonly block_digests: Uint8Array
}

/** Inserts the chunks that are missing, and locks the others so that they are not collected. */
async function holdChunks(db: Database, uses: readonly ChunkUse[]): Promise<ReadonlyMap<Digest, HeldChunk>> {
  const stored = firstStored(uses)
  const known = uses.flatMap(({ location }) => location ?? [])
  // Every transaction locks chunks in this order, so there is no deadlock.
  const wanted = [...new Set(uses.map(({ digest }) => digest))].sort()
  const lock = uses.some(({ mends }) => mends !== undefined) ? lockToMend : lockToUse
  const held = new Map<Digest, HeldChunk>()
  const missing = () => wanted.filter((digest) => !held.has(digest))
  for (;;) {
    const insertable = missing().flatMap((digest) => stored.get(digest) ?? [])
    if (insertable.length > 0) {
      for (const { id, digest } of await insertChunks(db, { rows: insertable, known }))
        held.set(digestOfBytes(digest), { id, ...stored.get(digestOfBytes(digest))! })
    }
    if (missing().length > 0) {
      for (const { digest, ...row } of await lock(db, { digests: missing().map(bytesOfDigest) }))
        held.set(digestOfBytes(digest), row)
    }
    if (missing().length === 0) return held
    if (missing().some((digest) => !stored.has(digest))) {
      throw new StoreError('chunk_gone', 'A chunk that was present has been collected: send its bytes again.')
    }
    // A chunk that kept this one from being inserted was collected before it could be locked.
  }
}

/** A second copy of a chunk takes the place of the one it mends, or else becomes garbage. */
async function settleLocations(
  db: Database,
  uses: readonly ChunkUse[],
  held: ReadonlyMap<Digest, HeldChunk>,
): Promise<void> {
  const mended = new Map<number, Location>()
  const garbage: Garbage[] = []
  for (const { digest, location, mends } of uses) {
    const { id, size, location: before } = held.get(digest)!
    const current = mended.get(id) ?? before
    // One stored chunk can be used several times; its location is not garbage then.
    if (location === undefined || location === current) continue
    const isMended = mends === current
    if (isMended) mended.set(id, location)
    garbage.push({ location: isMended ? current : location, size })
  }
  const moved = Array.from(mended, ([id, location]) => ({ id, location }))
  if (moved.length > 0) await moveChunks(db, { moved })
  await addGarbage(db, garbage)
}

/** Of several copies of one chunk the first is used. */
function firstStored(uses: readonly ChunkUse[]): ReadonlyMap<Digest, ChunkRow> {
  const stored = new Map<Digest, ChunkRow>()
  for (const { digest, size, location, blockDigests } of uses) {
    if (location === undefined || stored.has(digest)) continue
    stored.set(digest, { digest: bytesOfDigest(digest), size, location, block_digests: blockDigests })
  }
  return stored
}

interface ChunkRow {
  readonly digest: Uint8Array
  readonly size: number
  readonly location: Location
  readonly block_digests: Uint8Array
}

const selectByDigest = prepared((queries, values: { digest: Uint8Array }) =>
  queries
    .selectFrom('chunks')
    .select(['size', 'block_digests', 'location'])
    .where('digest', '=', values.digest),
)

/**
 * Waits for transactions that are storing or collecting one of them, and skips those that are
 * present then. A location that comes with a chunk is no longer an orphan.
 */
const insertChunks = preparedTogether(
  [
    (queries, values: { rows: readonly ChunkRow[]; known: readonly Location[] }, { isAmong }) =>
      queries
        .deleteFrom('garbage')
        .where(isAmong('location', values.known, 'text'))
        .where('found_at', '>', 0),
  ],
  (_, { rows }, dialect) => {
    const columns = { digest: 'bytes', size: 'integer', location: 'text', block_digests: 'bytes' } as const
    const insertion = inserted(dialect, 'chunks', rows, columns)
    return sql<Stored>`${insertion} on conflict (digest) do nothing returning id, digest`
  },
)

interface Stored {
  readonly id: number
  readonly digest: Uint8Array
}

type Digests = { readonly digests: readonly Uint8Array[] }

const presentOf = (queries: Queries, { digests }: Digests, { isAmong }: Dialect) =>
  queries
    .selectFrom('chunks')
    .select(['id', 'digest', 'size', 'location', 'block_digests'])
    .where(isAmong('digest', digests, 'bytes'))
    .orderBy('digest')

const lockToUse = prepared((queries, values: Digests, dialect) =>
  presentOf(queries, values, dialect).modifyEnd(dialect.lock('for key share')),
)

/** If several transactions mend the same chunk, the first one does. */
const lockToMend = prepared((queries, values: Digests, dialect) =>
  presentOf(queries, values, dialect).modifyEnd(dialect.lock('for no key update')),
)

const moveChunks = prepared(
  (queries, { moved }: { moved: readonly { id: number; location: Location }[] }, { given, currentMs }) =>
    queries
      .updateTable('chunks')
      .from(given(moved, { id: 'integer', location: 'text' }))
      .set((eb) => ({ location: eb.ref('given.location'), checked_at: currentMs, condition: 'sound' }))
      .whereRef('chunks.id', '=', 'given.id'),
)

type NewUse = Omit<FileChunkTable, 'file_id'>

const insertFileChunks = prepared(
  (_, { fileId, rows }: { fileId: FileId; rows: readonly NewUse[] }, dialect) => {
    const columns = { start: 'integer', chunk_id: 'integer', seal: 'integer' } as const
    return inserted(dialect, 'file_chunks', rows, columns, { file_id: dialect.typed(fileId, 'id') })
  },
)
