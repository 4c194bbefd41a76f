import { sql, type RawBuilder } from 'kysely'
import type { Chunk, Location } from '../../model/chunk.ts'
import { bytesOfDigest, digestOfBytes, type Digest } from '../../model/digest.ts'
import type { FileId } from '../../model/file.ts'
import type { CheckedList, ChunkPosition, Holder } from '../upkeep.ts'
import { checkFile, checkUse } from '../seals.ts'
import { isStoreError } from '../../model/errors.ts'
import { selectUses } from './chunk-lists.ts'
import type { Database, Dialect } from './dialect.ts'
import { fileColumns } from './file-rows.ts'
import { prepared, type Queries } from './prepared.ts'
import { beforeAllIds, type Flag } from './schema.ts'
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
  const rows = await selectHolders(db, { digest: bytesOfDigest(digest), after: after ?? beforeAllIds, limit })
  return rows.map(({ id, name, is_upload }) => ({ id, name, isUpload: Boolean(is_upload) }))
}

/** Reads several times: lists of uploads change, and files go, which must not be seen. */
export async function checkLists(
  db: Database,
  after: FileId | undefined,
  limit: number,
): Promise<readonly CheckedList[]> {
  const lists = await selectLists(db, { after: after ?? beforeAllIds, limit })
  const checked: CheckedList[] = []
  for (const { id, name, is_upload, size, digest } of lists) {
    const fault = await faultOf(db, id, size, digest).catch(damageFound)
    checked.push({ id, name, isUpload: Boolean(is_upload), ...(fault !== undefined && { fault }) })
  }
  return checked
}

async function faultOf(
  db: Database,
  id: FileId,
  size: number,
  digest: Uint8Array | null,
): Promise<string | undefined> {
  const [file] = digest ? await selectFile(db, { id }) : []
  if (file) checkFile(file)
  // Only this check hashes, and the catalog opens in less time without the native hasher.
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

/** `start` is where in the file the chunk begins. */
async function* usesOf(db: Database, { listId, start }: Segment) {
  for (let from = 0; ;) {
    const uses = await selectUses(db, { id: listId, from, end: Number.MAX_SAFE_INTEGER, limit: usesPerPage })
    for (const use of uses) {
      checkUse(listId, use)
      yield { ...use, start: start + use.start }
      from = use.start + 1
    }
    if (uses.length < usesPerPage) return
  }
}

function damageFound(error: unknown): string {
  if (isStoreError(error, 'corrupt')) return 'has a damaged entry in the catalog: run ashlar rebuild'
  throw error
}

const usesPerPage = 1024

const selectFile = prepared((queries, values: { id: FileId }) =>
  queries.selectFrom('files').select(fileColumns).where('id', '=', values.id),
)

const beforeAllChunks = { location: '' as Location, digest: '0'.repeat(64) as Digest }

const selectByLocation = prepared(
  (queries, values: { location: Location; digest: Uint8Array; limit: number }) =>
    queries
      .selectFrom('chunks')
      .select(['digest', 'size', 'block_digests', 'location'])
      .where(sql<boolean>`(location, digest) > (${values.location}, ${values.digest})`)
      .orderBy('location')
      .orderBy('digest')
      .limit(values.limit),
)

/** The first of them by id. */
const lists = (queries: Queries, isAmong: RawBuilder<boolean>, limit: number, { typed }: Dialect) =>
  queries
    .selectFrom(
      queries
        .selectFrom('files')
        .select((eb) => [
          'id',
          'name',
          'size',
          eb.ref('digest').$castTo<Uint8Array | null>().as('digest'),
          eb.lit(false).$castTo<Flag>().as('is_upload'),
        ])
        .where(isAmong)
        .orderBy('id')
        .limit(limit)
        .as('file'),
    )
    .selectAll()
    .unionAll(
      queries
        .selectFrom(
          queries
            .selectFrom('uploads')
            .select((eb) => [
              'id',
              'name',
              'offset as size',
              typed<Uint8Array | null>(null, 'bytes').as('digest'),
              eb.lit(true).$castTo<Flag>().as('is_upload'),
            ])
            .where('is_finished', '=', sql.lit(false))
            .where(isAmong)
            .orderBy('id')
            .limit(limit)
            .as('upload'),
        )
        .selectAll(),
    )
    .orderBy('id')
    .limit(limit)

const selectLists = prepared((queries, values: { after: FileId; limit: number }, dialect) =>
  lists(queries, sql`id > ${values.after}`, values.limit, dialect),
)

const selectHolders = prepared(
  (queries, values: { digest: Uint8Array; after: FileId; limit: number }, dialect) => {
    const use = queries
      .selectFrom('file_chunks')
      .innerJoin('chunks as chunk', 'chunk.id', 'chunk_id')
      .select('file_id')
      .where('chunk.digest', '=', values.digest)
    const ofConcatenated = queries
      .selectFrom('joined')
      .innerJoin(use.as('use'), 'use.file_id', 'joined.part_id')
      .select('joined.file_id')
    const isAmong = sql<boolean>`id > ${values.after} and id in ${use.unionAll(ofConcatenated)}`
    return lists(queries, isAmong, values.limit, dialect)
  },
)
