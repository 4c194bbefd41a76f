import { sql } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import type { FileId, Space } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { ChunkUse, NewUpload } from '../catalog.ts'
import { moveChunks, selectChunksAt } from './chunk-lists.ts'
import type { Database } from './dialect.ts'
import { insertUnlinked } from './files.ts'
import { prepared } from './prepared.ts'
import { beforeAllIds } from './schema.ts'
import { isBoundByJoin } from './segments.ts'
import {
  insertUpload,
  lockUnfinished,
  lockUploads,
  rowOfUpload,
  selectUpload,
  unfinished,
  uploadColumns,
  uploadOfRow,
} from './upload-rows.ts'
import { useChunks } from './use-chunks.ts'

export async function createUpload(db: Database, upload: NewUpload): Promise<Upload> {
  const row = rowOfUpload(upload, db.now)
  await insertUpload(db, row)
  return uploadOfRow(row)
}

export async function findUpload(db: Database, space: Space, id: FileId): Promise<Upload | undefined> {
  const [row] = await selectUpload(db, { id })
  return row?.owner === space ? uploadOfRow(row) : undefined
}

export async function declareUploadSize(db: Database, id: FileId, size: number): Promise<void> {
  const { offset, size: declared = size } = await lockUnfinished(db, id)
  if (declared !== size) {
    throw new StoreError('offset_conflict', `The upload was announced with ${declared} bytes, not ${size}.`)
  }
  if (offset > size) {
    throw new StoreError('too_large', `The upload has ${offset} bytes already, more than ${size}.`)
  }
  await changeSize(db, { id, size })
}

export async function advanceUpload(
  db: Database,
  id: FileId,
  from: number,
  chunks: readonly ChunkUse[],
  expiresAt: number,
): Promise<number> {
  const { size } = checkOffset(await lockUnfinished(db, id), from)
  const end = await useChunks(db, id, from, chunks)
  checkSize(size, end)
  await moveUpload(db, { id, offset: end, expiresAt })
  return end
}

export async function appendUpload(
  db: Database,
  id: FileId,
  from: number,
  sourceId: FileId,
  expiresAt: number,
): Promise<number> {
  if (id === sourceId) {
    throw new StoreError('invalid_request', 'An upload cannot be appended to itself: name another one.')
  }
  const uploads = await lockUploads(db, [id, sourceId])
  const { size } = checkOffset(unfinished(uploads.get(id)), from)
  const source = unfinished(uploads.get(sourceId))
  if (await isBoundByJoin(db, sourceId)) {
    throw new StoreError(
      'invalid_request',
      'An upload that was concatenated cannot be appended: concatenate it again.',
    )
  }
  const end = from + source.offset
  checkSize(size, end)
  await removeUploads(db, { ids: [sourceId] })
  await moveChunks(db, { listId: sourceId, start: 0, end: source.offset, toId: id, by: from })
  await moveUpload(db, { id, offset: end, expiresAt })
  return end
}

export async function markPreconditionFailed(db: Database, id: FileId): Promise<void> {
  await setPreconditionFailed(db, { id })
}

export async function deleteUpload(db: Database, id: FileId, expiredBefore = Infinity): Promise<boolean> {
  const upload = (await lockUploads(db, [id])).get(id)
  if (!upload || upload.expiresAt >= expiredBefore) return false
  await removeUploads(db, { ids: [id] })
  // The chunks of a finished upload belong to its file.
  if (!upload.isFinished) await insertUnlinked(db, { id, at: 0 })
  return true
}

export async function listUploads(
  db: Database,
  space: Space,
  limit: number,
  after = beforeAllIds,
): Promise<readonly Upload[]> {
  const rows = await selectBySpace(db, { space, after, limit })
  return rows.map(uploadOfRow)
}

export async function listExpiredUploads(
  db: Database,
  expiredBefore: number,
  limit: number,
): Promise<readonly Upload[]> {
  const rows = await selectExpired(db, { expiredBefore, limit })
  return rows.map(uploadOfRow)
}

function checkOffset(upload: Upload, from: number): Upload {
  if (upload.offset === from) return upload
  throw new StoreError(
    'offset_conflict',
    `The upload is at ${upload.offset}, not at ${from}: continue from there.`,
  )
}

function checkSize(size: number | undefined, end: number): void {
  if (size === undefined || end <= size) return
  throw new StoreError('too_large', `The upload was announced with ${size} bytes; this would make it ${end}.`)
}

const selectBySpace = prepared((queries, values: { space: Space; after: FileId; limit: number }) =>
  queries
    .selectFrom('uploads')
    .select(uploadColumns)
    .where('owner', '=', values.space)
    .where('is_finished', '=', sql.lit(false))
    .where('id', '>', values.after)
    .orderBy('id')
    .limit(values.limit),
)

const selectExpired = prepared((queries, values: { expiredBefore: number; limit: number }) =>
  queries
    .selectFrom('uploads')
    .select(uploadColumns)
    .where('expires_at', '<', values.expiredBefore)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(values.limit),
)

const moveUpload = prepared((queries, values: { id: FileId; offset: number; expiresAt: number }) =>
  queries
    .updateTable('uploads')
    .set({ offset: values.offset, expires_at: values.expiresAt })
    .where('id', '=', values.id),
)

const changeSize = prepared((queries, values: { id: FileId; size: number }) =>
  queries.updateTable('uploads').set({ size: values.size }).where('id', '=', values.id),
)

const setPreconditionFailed = prepared((queries, values: { id: FileId }) =>
  queries
    .updateTable('uploads')
    .set({ is_declined: sql.lit(true) })
    .where('id', '=', values.id),
)

export const removeUploads = prepared((queries, values: { ids: readonly FileId[] }, { isAmong }) =>
  queries.deleteFrom('uploads').where(isAmong('id', values.ids, 'id')),
)

export async function compactUpload(
  db: Database,
  id: FileId,
  start: number,
  end: number,
  chunks: readonly ChunkUse[],
): Promise<void> {
  const { offset } = await lockUnfinished(db, id)
  if (await isBoundByJoin(db, id)) {
    throw new StoreError('offset_conflict', 'The upload was concatenated: its chunks stay as they are.')
  }
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
  if (size !== end - start) {
    throw new StoreError(
      'invalid_request',
      `Chunks of ${size} bytes cannot replace the bytes ${start} to ${end}.`,
    )
  }
  const borders = new Set((await selectChunksAt(db, { id, start, end })).map((chunk) => chunk.start)).add(
    offset,
  )
  const torn = [start, end].find((border) => !borders.has(border))
  if (torn !== undefined) {
    throw new StoreError(
      'offset_conflict',
      `No chunk of the upload begins or ends at ${torn}: look at its chunks again.`,
    )
  }
  // Collection only looks at lists that were unlinked, so the replaced chunks become one.
  const replaced = crypto.randomUUID() as FileId
  await moveChunks(db, { listId: id, start, end, toId: replaced, by: 0 })
  await insertUnlinked(db, { id: replaced, at: 0 })
  await useChunks(db, id, start, chunks)
}
