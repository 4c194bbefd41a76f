import { sql } from 'kysely'
import { bytesOfDigest, type Digest } from '../../model/digest.ts'
import type { FileId, StoredFile } from '../../model/file.ts'
import { lostLocation, type FoundChunk, type RestoredManifest, type Restored } from '../catalog-restore.ts'
import { changeFile, findFile, insertFile, rowOfFile } from './file-rows.ts'
import type { Database } from './dialect.ts'
import { inserted, none, prepared } from './prepared.ts'
import { endPage, insertManifests, selectPage } from './manifests.ts'
import type { Schema } from './schema.ts'
import { useChunks } from './use-chunks.ts'

export async function addCandidates(db: Database, chunks: readonly FoundChunk[]): Promise<void> {
  const rows = chunks.map(({ digest, ...candidate }) => ({ ...candidate, digest: bytesOfDigest(digest) }))
  await insertCandidates(db, { rows })
}

export async function listCandidates(db: Database, digest: Digest): Promise<readonly FoundChunk[]> {
  const rows = await selectCandidates(db, { digest: bytesOfDigest(digest) })
  return rows.map(({ size, location }) => ({ digest, size, location }))
}

export async function restoreManifest(
  db: Database,
  { id, file, start, chunks, location }: RestoredManifest,
): Promise<void> {
  const isLatest = await isLatestPage(db, id, file, start)
  await insertManifests(db, isLatest ? id : null, [{ location, page: start }])
  if (!isLatest) return
  await removeUses(db, { id, start, end: start + sizeOf(chunks) })
  await useChunks(db, id, start, chunks)
  if (file) await placeLatest(db, file)
}

export async function endRestore(db: Database): Promise<Restored> {
  await deleteCandidates(db, {})
  await endLeftOver(db, {})
  await unlinkOrphans(db, {})
  const [counted] = await countFiles(db, {})
  const [lost] = await countLost(db, {})
  return { files: counted!.files, lostChunks: lost!.chunks }
}

/** If a crash has left two manifests of the same page, the later one counts. */
async function isLatestPage(
  db: Database,
  id: FileId,
  file: StoredFile | undefined,
  start: number,
): Promise<boolean> {
  const [other] = await selectPage(db, { id, page: start })
  if (!other) return true
  const current = file && (await findFile(db, file.space, { id }))
  if (!file || (current && current.modifiedAt >= file.modifiedAt)) return false
  await endPage(db, { location: other.location })
  return true
}

async function placeLatest(db: Database, file: StoredFile): Promise<void> {
  const namesake = await findFile(db, file.space, { name: file.name })
  if (namesake && namesake.id !== file.id) {
    const isLater = await comesBefore(db, namesake, file)
    // The end of the restore discards lists that no file has.
    await removeFile(db, { id: isLater ? file.id : namesake.id })
    if (isLater) return
  }
  const current = await findFile(db, file.space, { id: file.id })
  await (current ? changeFile(db, rowOfFile(file)) : insertFile(db, rowOfFile(file)))
}

/**
 * Of two files with one name, the later one wins, but a file with all its chunks wins over one that
 * lacks some: a manifest is stored beside the last chunks of its file, so one that a power cut left
 * without them is of a file that was never committed.
 */
async function comesBefore(db: Database, one: StoredFile, other: StoredFile): Promise<boolean> {
  const [isOneHurt, isOtherHurt] = [await lacksChunks(db, one.id), await lacksChunks(db, other.id)]
  return isOneHurt === isOtherHurt ? one.modifiedAt > other.modifiedAt : isOtherHurt
}

async function lacksChunks(db: Database, id: FileId): Promise<boolean> {
  return (await selectLost(db, { id })).length > 0
}

function sizeOf(chunks: readonly { readonly size: number }[]): number {
  return chunks.reduce((sum, { size }) => sum + size, 0)
}

const countFiles = prepared((queries) =>
  queries.selectFrom('files').select((eb) => eb.fn.countAll<number>().as('files')),
)

const countLost = prepared((queries) =>
  queries
    .selectFrom('chunks')
    .select((eb) => eb.fn.countAll<number>().as('chunks'))
    .where('location', '=', lostLocation),
)

const insertCandidates = prepared((_, { rows }: { rows: readonly Schema['found'][] }, dialect) =>
  inserted(dialect, 'found', rows, { digest: 'bytes', size: 'integer', location: 'text' }),
)

const selectCandidates = prepared((queries, values: { digest: Uint8Array }) =>
  queries
    .selectFrom('found')
    .select(['size', 'location'])
    .where('digest', '=', values.digest)
    .orderBy('location'),
)

const removeFile = prepared((queries, values: { id: FileId }) =>
  queries.deleteFrom('files').where('id', '=', values.id),
)

const selectLost = prepared((queries, values: { id: FileId }) =>
  queries
    .selectFrom('file_chunks as use')
    .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
    .select('use.start')
    .where('use.file_id', '=', values.id)
    .where('chunk.location', '=', sql.lit(lostLocation))
    .limit(1),
)

const deleteCandidates = prepared((queries) => queries.deleteFrom('found'))

const removeUses = prepared((queries, values: { id: StoredFile['id']; start: number; end: number }) =>
  queries
    .deleteFrom('file_chunks')
    .where('file_id', '=', values.id)
    .where('start', '>=', values.start)
    .where('start', '<', values.end),
)

const endLeftOver = prepared((queries) =>
  queries
    .updateTable('records')
    .set({ file_id: null })
    .where('file_id', 'is not', null)
    .where((eb) => none(eb.selectFrom('files').whereRef('id', '=', 'records.file_id'))),
)

/** Lists of no file. */
const unlinkOrphans = prepared((queries) =>
  queries
    .insertInto('discarded')
    .columns(['file_id', 'discarded_at'])
    .expression((eb) =>
      eb
        .selectFrom('file_chunks')
        .select(['file_id', sql<number>`0`.as('discarded_at')])
        .distinct()
        .where((row) => none(row.selectFrom('files').whereRef('id', '=', 'file_chunks.file_id'))),
    )
    .onConflict((conflict) => conflict.doNothing()),
)
