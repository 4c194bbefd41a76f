import { sql } from 'kysely'
import type { Chunk, Location } from '../../model/chunk.ts'
import { bytesOfDigest, digestOfBytes, type Digest } from '../../model/digest.ts'
import type { FileId } from '../../model/file.ts'
import type { CheckedList, ChunkPosition, Collectable, CollectableQuery, Holder } from '../upkeep.ts'
import { checkFile, checkUse } from '../seals.ts'
import { isStoreError } from '../../model/errors.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'
import { segmentsFrom, type Segment } from './segments.ts'

export async function listAllChunks(
  db: Database,
  after: ChunkPosition | undefined,
  limit: number,
): Promise<readonly Chunk[]> {
  const { location, digest } = after ?? beforeAllChunks
  const rows = await selectByLocation(db, { location, digest: bytesOfDigest(digest), limit })
  return rows.map((row) => ({
    digest: digestOfBytes(row.digest),
    size: row.size,
    blockDigests: row.block_digests,
    location: row.location,
  }))
}

export async function listHolders(
  db: Database,
  digest: Digest,
  limit: number,
  after?: FileId,
): Promise<readonly Holder[]> {
  const rows = await selectHolders(db, { digest: bytesOfDigest(digest), after: after ?? '', limit })
  return rows.map(({ id, name, is_upload }) => ({ id, name, isUpload: is_upload === 1 }))
}

/** As `findFaults`, on a connection that others use. */
export async function verify(db: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(20)`.execute(db)
  const found = rows.map((row) => row.integrity_check.trim())
  return found.length === 1 && found[0] === 'ok' ? [] : found
}

/** All in one state of the database: lists of uploads change, and files go. */
export async function checkLists(
  db: Database,
  after: FileId | undefined,
  limit: number,
): Promise<readonly CheckedList[]> {
  const lists = await selectLists(db, { after: after ?? '', limit })
  const checked: CheckedList[] = []
  for (const { id, name, is_upload, size, digest } of lists) {
    const fault = await faultOf(db, id, size, digest).catch(damageFound)
    checked.push({ id, name, isUpload: is_upload === 1, ...(fault !== undefined && { fault }) })
  }
  return checked
}

export async function countCollectable(
  db: Database,
  { letGoBefore, expiredBefore, foundBefore }: CollectableQuery,
): Promise<Collectable> {
  const [uploads] = await countExpired(db, { expiredBefore })
  const [unused] = await countDoomed(db, { letGoBefore: Math.max(letGoBefore, 1), expiredBefore })
  const [garbage] = await countGarbage(db, { foundBefore: Math.max(foundBefore, 1) })
  return {
    uploads: uploads!.uploads,
    chunks: unused!.chunks + garbage!.chunks,
    bytes: unused!.bytes + garbage!.bytes,
  }
}

async function faultOf(
  db: Database,
  id: FileId,
  size: number,
  digest: Uint8Array | null,
): Promise<string | undefined> {
  const [file] = digest ? await selectFile(db, { id }) : []
  if (file) checkFile(file)
  // Loaded here, because only this check hashes: the catalog opens in less time without the native hasher.
  const { FileHasher } = await import('../../model/hashers.ts')
  const hasher = new FileHasher()
  let end = 0
  for (const segment of await segmentsFrom(db, id, 0)) {
    for await (const { start, digest: chunk, size: chunkSize } of usesOf(db, segment)) {
      if (start > end) return `has no chunk for byte ${end}`
      if (start < end) return `has two chunks for byte ${start}`
      hasher.addAll(chunk)
      end += chunkSize
    }
  }
  if (end !== size) return `has chunks of ${end} bytes together, and not of ${size}`
  if (digest && hasher.digest() !== digestOfBytes(digest))
    return 'has a digest that is not that of its chunks'
  return undefined
}

/** With where they begin in the file. */
async function* usesOf(db: Database, { listId, start }: Segment) {
  for (let behind = -1; ;) {
    const uses = await selectUses(db, { id: listId, behind, limit: usesPerPage })
    for (const use of uses) {
      checkUse(listId, use)
      yield { ...use, start: start + use.start }
      behind = use.start
    }
    if (uses.length < usesPerPage) return
  }
}

function damageFound(error: unknown): string {
  if (isStoreError(error, 'corrupt')) return 'has a damaged entry in the catalog: run ashlar rebuild'
  throw error
}

const usesPerPage = 1024

const selectFile = prepared((db, values: { id: FileId }) =>
  db.selectFrom('files').selectAll().where('id', '=', values.id),
)

const beforeAllChunks = { location: '' as Location, digest: '0'.repeat(64) as Digest }

const selectByLocation = prepared((db, values: { location: Location; digest: Uint8Array; limit: number }) =>
  db
    .selectFrom('chunks')
    .select(['digest', 'size', 'block_digests', 'location'])
    .where(sql<boolean>`(location, digest) > (${values.location}, ${values.digest})`)
    .orderBy('location')
    .orderBy('digest')
    .limit(values.limit),
)

const lists = (db: Database, after: string) =>
  db
    .selectFrom('files')
    .select((eb) => ['id', 'name', 'size', 'digest', eb.lit(0).$castTo<number>().as('is_upload')])
    .where('id', '>', after as FileId)
    .unionAll(
      db
        .selectFrom('uploads')
        .select((eb) => [
          'id',
          'name',
          'offset as size',
          sql<Uint8Array>`null`.as('digest'),
          eb.lit(1).$castTo<number>().as('is_upload'),
        ])
        .where('is_finished', '=', 0)
        .where('id', '>', after as FileId),
    )

const selectLists = prepared((db, values: { after: string; limit: number }) =>
  lists(db, values.after).orderBy('id').limit(values.limit),
)

const listsWith = (db: Database, digest: Uint8Array) =>
  db
    .selectFrom('file_chunks')
    .innerJoin('chunks as chunk', 'chunk.id', 'chunk_id')
    .select('file_id')
    .where('chunk.digest', '=', digest)

const selectHolders = prepared((db, values: { digest: Uint8Array; after: string; limit: number }) =>
  db
    .selectFrom(lists(db, values.after).as('list'))
    .select(['id', 'name', 'is_upload'])
    .where('id', 'in', (eb) =>
      eb
        .selectFrom(listsWith(db, values.digest).as('use'))
        .select('use.file_id')
        .union(
          eb
            .selectFrom('joined')
            .innerJoin(listsWith(db, values.digest).as('use'), 'use.file_id', 'joined.part_id')
            .select('joined.file_id'),
        ),
    )
    .orderBy('id')
    .limit(values.limit),
)

const selectUses = prepared((db, values: { id: FileId; behind: number; limit: number }) =>
  db
    .selectFrom('file_chunks as use')
    .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
    .select(['use.start', 'use.seal', 'chunk.digest', 'chunk.size', 'chunk.block_digests'])
    .where('use.file_id', '=', values.id)
    .where('use.start', '>', values.behind)
    .orderBy('use.start')
    .limit(values.limit),
)

const countExpired = prepared((db, values: { expiredBefore: number }) =>
  db
    .selectFrom('uploads')
    .select(({ fn }) => fn.countAll<number>().as('uploads'))
    .where('expires_at', '<', values.expiredBefore),
)

/** Chunks that only lists use which a collection would take, and not those that something else was joined of. */
const countDoomed = prepared((db, values: { letGoBefore: number; expiredBefore: number }) =>
  db
    .with('ended', (cte) =>
      cte
        .selectFrom('discarded')
        .select('file_id')
        .where('discarded_at', '<', values.letGoBefore)
        .unionAll(
          cte
            .selectFrom('uploads')
            .select('id as file_id')
            .where('is_finished', '=', 0)
            .where('expires_at', '<', values.expiredBefore),
        ),
    )
    .with('doomed', (cte) =>
      cte
        .selectFrom('ended')
        .select('file_id')
        .where('file_id', 'not in', (eb) =>
          eb
            .selectFrom('joined')
            .select('part_id')
            .where('joined.file_id', 'not in', eb.selectFrom('ended').select('ended.file_id')),
        ),
    )
    .selectFrom('chunks')
    .select(({ fn }) => [
      fn.countAll<number>().as('chunks'),
      fn.coalesce(fn.sum<number>('size'), sql<number>`0`).as('bytes'),
    ])
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('file_chunks as use')
        .innerJoin('doomed', 'doomed.file_id', 'use.file_id')
        .select('use.chunk_id'),
    )
    .where((eb) => {
      const kept = eb
        .selectFrom('file_chunks as kept')
        .select('kept.start')
        .whereRef('kept.chunk_id', '=', 'chunks.id')
        .where('kept.file_id', 'not in', eb.selectFrom('doomed').select('doomed.file_id'))
      return eb.not(eb.exists(kept))
    }),
)

const countGarbage = prepared((db, values: { foundBefore: number }) =>
  db
    .selectFrom('garbage')
    .select(({ fn }) => [
      fn.countAll<number>().as('chunks'),
      fn.coalesce(fn.sum<number>('size'), sql<number>`0`).as('bytes'),
    ])
    .where('found_at', '<', values.foundBefore),
)
