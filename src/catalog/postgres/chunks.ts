import { sql } from 'kysely'
import type { Chunk, Location } from '../../model/chunk.ts'
import { bytesOfDigest, digestOfBytes, type Digest } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ChunkUse } from '../catalog.ts'
import { damage, sealOfUse } from '../seals.ts'
import type { Garbage } from '../upkeep.ts'
import { addGarbage } from './garbage.ts'
import { given } from './given.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

/** Appends chunks to a file or an upload, from byte `start` on, and resolves with where they end. Rejects `chunk_gone`. */
export async function useChunks(
  db: Database,
  fileId: FileId,
  start: number,
  uses: readonly ChunkUse[],
): Promise<number> {
  if (uses.length === 0) return start
  const held = await holdChunks(db, uses)
  const starts: number[] = []
  let end = start
  const seals: number[] = []
  for (const { digest, size, blockDigests } of uses) {
    starts.push(end)
    seals.push(sealOfUse(fileId, end, { digest: bytesOfDigest(digest), size, block_digests: blockDigests }))
    end += size
  }
  for (const { digest, size } of uses)
    if (held.get(digest)!.size !== size) throw damage(`the row of the chunk ${digest} has changed`)
  await settleLocations(db, uses, held)
  const chunkIds = uses.map(({ digest }) => held.get(digest)!.id)
  await insertFileChunks(db, { fileId, starts, chunkIds, seals })
  return end
}

export async function findChunk(db: Database, digest: Digest): Promise<Chunk | undefined> {
  const [row] = await selectByDigest(db, { digest: bytesOfDigest(digest) })
  return row && { digest, size: row.size, blockDigests: row.block_digests, location: row.location }
}

interface HeldChunk {
  readonly id: number
  readonly digest: Uint8Array
  readonly size: number
  readonly location: Location
}

/** Stores those that are not present, and keeps the others from being collected before the transaction has ended. */
async function holdChunks(db: Database, uses: readonly ChunkUse[]): Promise<ReadonlyMap<Digest, HeldChunk>> {
  const stored = firstStored(uses)
  const known = uses.flatMap(({ location }) => location ?? [])
  // Everybody takes them in this order, so nobody waits for somebody who waits.
  const wanted = [...new Set(uses.map(({ digest }) => digest))].sort()
  const lock = uses.some(({ mends }) => mends !== undefined) ? lockToMend : lockToUse
  const held = new Map<Digest, HeldChunk>()
  const missing = () => wanted.filter((digest) => !held.has(digest))
  const hold = (rows: readonly HeldChunk[]) => {
    for (const row of rows) held.set(digestOfBytes(row.digest), row)
  }
  for (;;) {
    const insertable = missing().flatMap((digest) => stored.get(digest) ?? [])
    if (insertable.length > 0) hold(await insertChunks(db, { ...columnsOf(insertable), known }))
    if (missing().length > 0) hold(await lock(db, { digests: missing().map(bytesOfDigest) }))
    if (missing().length === 0) return held
    if (missing().some((digest) => !stored.has(digest))) {
      throw new StoreError('chunk_gone', 'A chunk that was present has been collected: send its bytes again.')
    }
    // One that was present when it was to be stored has been collected before it could be held.
  }
}

/** What was stored a second time takes the place of what it mends, or else becomes garbage. */
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
    // One write can be used at several places; its location is no garbage then.
    if (location === undefined || location === current) continue
    const isMended = mends === current
    if (isMended) mended.set(id, location)
    garbage.push({ location: isMended ? current : location, size })
  }
  if (mended.size > 0) await moveChunks(db, { ids: [...mended.keys()], locations: [...mended.values()] })
  await addGarbage(db, garbage)
}

type StoredUse = ChunkUse & { readonly location: Location }

/** Of several that were stored for one chunk the first is used. */
function firstStored(uses: readonly ChunkUse[]): ReadonlyMap<Digest, StoredUse> {
  const stored = new Map<Digest, StoredUse>()
  for (const { location, ...use } of uses) {
    if (location !== undefined && !stored.has(use.digest)) stored.set(use.digest, { ...use, location })
  }
  return stored
}

function columnsOf(uses: readonly StoredUse[]): ChunkColumns {
  return {
    digests: uses.map(({ digest }) => bytesOfDigest(digest)),
    sizes: uses.map(({ size }) => size),
    locations: uses.map(({ location }) => location),
    blockDigests: uses.map(({ blockDigests }) => blockDigests),
  }
}

interface ChunkColumns {
  readonly digests: readonly Uint8Array[]
  readonly sizes: readonly number[]
  readonly locations: readonly Location[]
  readonly blockDigests: readonly Uint8Array[]
}

const heldColumns = ['id', 'digest', 'size', 'location'] as const

const selectByDigest = prepared((db, values: { digest: Uint8Array }) =>
  db.selectFrom('chunks').select(['size', 'block_digests', 'location']).where('digest', '=', values.digest),
)

/**
 * Waits for whoever is storing or collecting one of them, and leaves out those that are present then. What is made known after all is
 * no orphan any more.
 */
const insertChunks = prepared((db, values: ChunkColumns & { readonly known: readonly Location[] }) =>
  db
    .with('disowned', (cte) =>
      cte
        .deleteFrom('garbage')
        .where('location', '=', sql<Location>`any(${values.known}::text[])`)
        .where('found_at', '>', 0),
    )
    .insertInto('chunks')
    .columns(['digest', 'size', 'location', 'block_digests'])
    .expression((eb) =>
      eb
        .selectFrom(
          given<{ digest: Uint8Array; size: number; location: Location; block_digests: Uint8Array }>({
            digest: [values.digests, 'bytea'],
            size: [values.sizes, 'bigint'],
            location: [values.locations, 'text'],
            block_digests: [values.blockDigests, 'bytea'],
          }),
        )
        .select(['digest', 'size', 'location', 'block_digests']),
    )
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .returning(heldColumns),
)

const presentOf = (db: Database, values: { digests: readonly Uint8Array[] }) =>
  db
    .selectFrom('chunks')
    .select(heldColumns)
    .where('digest', '=', sql<Uint8Array>`any(${values.digests}::bytea[])`)
    .orderBy('digest')

const lockToUse = prepared((db, values: { digests: readonly Uint8Array[] }) =>
  presentOf(db, values).forKeyShare(),
)

/** Of several who mend the same one, the first does. */
const lockToMend = prepared((db, values: { digests: readonly Uint8Array[] }) =>
  presentOf(db, values).forNoKeyUpdate(),
)

/** As the default of the column has it. */
const currentMs = sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)`

const moveChunks = prepared((db, values: { ids: readonly number[]; locations: readonly Location[] }) =>
  db
    .updateTable('chunks')
    .from(
      given<{ id: number; location: Location }>({
        id: [values.ids, 'bigint'],
        location: [values.locations, 'text'],
      }),
    )
    .set((eb) => ({ location: eb.ref('given.location'), checked_at: currentMs, condition: 'sound' }))
    .whereRef('chunks.id', '=', 'given.id'),
)

const insertFileChunks = prepared(
  (
    db,
    values: {
      fileId: FileId
      starts: readonly number[]
      chunkIds: readonly number[]
      seals: readonly number[]
    },
  ) =>
    db
      .insertInto('file_chunks')
      .columns(['file_id', 'start', 'chunk_id', 'seal'])
      .expression((eb) =>
        eb
          .selectFrom(
            given<{ start: number; chunk_id: number; seal: number }>({
              start: [values.starts, 'bigint'],
              chunk_id: [values.chunkIds, 'bigint'],
              seal: [values.seals, 'bigint'],
            }),
          )
          .select([sql<FileId>`${values.fileId}::uuid`.as('file_id'), 'start', 'chunk_id', 'seal']),
      ),
)
