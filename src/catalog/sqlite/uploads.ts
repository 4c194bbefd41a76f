import { StoreError } from '../../model/errors.ts'
import type { FileId, Owner } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { ChunkUse, CommittedFile, FinishedUpload, NewUpload } from '../catalog.ts'
import { damage } from '../seals.ts'
import { moveChunks } from './chunk-lists.ts'
import { useChunks } from './chunks.ts'
import { insertDiscarded, placeFile } from './files.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'
import { isBoundByJoin } from './segments.ts'
import { findUnfinished, insertUpload, rowOfUpload, selectUpload, uploadOfRow } from './upload-rows.ts'

export async function createUpload(db: Database, upload: NewUpload, now: number): Promise<Upload> {
  const row = rowOfUpload(upload, now)
  await insertUpload(db, row)
  return uploadOfRow(row)
}

export async function findUpload(db: Database, owner: Owner, id: FileId): Promise<Upload | undefined> {
  const [row] = await selectUpload(db, { id })
  return row?.owner === owner ? uploadOfRow(row) : undefined
}

export async function declareUploadSize(db: Database, id: FileId, size: number): Promise<void> {
  const { offset, size: declared = size } = await findUnfinished(db, id)
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
  const { size } = await findAt(db, id, from)
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
  const { size } = await findAt(db, id, from)
  const source = await findUnfinished(db, sourceId)
  if (await isBoundByJoin(db, sourceId)) {
    throw new StoreError('invalid_request', 'An upload that was joined cannot be appended: join it again.')
  }
  const end = from + source.offset
  checkSize(size, end)
  await removeUpload(db, { id: sourceId })
  await moveChunks(db, { id: sourceId, start: 0, end: source.offset, toId: id, by: from })
  await moveUpload(db, { id, offset: end, expiresAt })
  return end
}

export async function finishUploads(
  db: Database,
  uploads: readonly FinishedUpload[],
  now: number,
): Promise<readonly CommittedFile[]> {
  const committed: CommittedFile[] = []
  for (const { id, digest, size: digested, precondition, isRemembered, record } of uploads) {
    const { size, owner, name, mediaType, metadata } = await findComplete(db, id)
    if (digested !== undefined && digested !== size) throw damage(`the upload ${id} has lost chunks`)
    await (isRemembered ? markFinished(db, { id }) : removeUpload(db, { id }))
    const file = { id, owner, name, size, mediaType, digest, metadata }
    committed.push(await placeFile(db, file, { precondition, record, now }))
  }
  return committed
}

export async function declineUpload(db: Database, id: FileId): Promise<void> {
  await markDeclined(db, { id })
}

export async function deleteUpload(db: Database, id: FileId, expiredBefore = Infinity): Promise<boolean> {
  const [upload] = await selectUpload(db, { id })
  if (!upload || upload.expires_at >= expiredBefore) return false
  await removeUpload(db, { id })
  // The chunks of a finished one are those of the file, which lets them go itself.
  if (!upload.is_finished) await insertDiscarded(db, { id, at: 0 })
  return true
}

export async function listUploads(
  db: Database,
  owner: Owner,
  limit: number,
  after?: FileId,
): Promise<readonly Upload[]> {
  const rows = await selectByOwner(db, { owner, after: after ?? '', limit })
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

async function findAt(db: Database, id: FileId, from: number): Promise<Upload> {
  const upload = await findUnfinished(db, id)
  if (upload.offset === from) return upload
  throw new StoreError(
    'offset_conflict',
    `The upload is at ${upload.offset}, not at ${from}: continue from there.`,
  )
}

async function findComplete(db: Database, id: FileId): Promise<Upload & { readonly size: number }> {
  const upload = await findUnfinished(db, id)
  const { offset, size = offset, isPartial } = upload
  if (isPartial) {
    throw new StoreError('invalid_request', 'A partial upload cannot become a file: join it with others.')
  }
  if (offset !== size) {
    throw new StoreError(
      'offset_conflict',
      `The upload is at ${offset} of ${size} bytes: send the rest first.`,
    )
  }
  return { ...upload, size }
}

function checkSize(size: number | undefined, end: number): void {
  if (size === undefined || end <= size) return
  throw new StoreError('too_large', `The upload was announced with ${size} bytes; this would make it ${end}.`)
}

const selectByOwner = prepared((db, values: { owner: Owner; after: string; limit: number }) =>
  db
    .selectFrom('uploads')
    .selectAll()
    .where('owner', '=', values.owner)
    .where('is_finished', '=', 0)
    .where('id', '>', values.after as FileId)
    .orderBy('id')
    .limit(values.limit),
)

const selectExpired = prepared((db, values: { expiredBefore: number; limit: number }) =>
  db
    .selectFrom('uploads')
    .selectAll()
    .where('expires_at', '<', values.expiredBefore)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(values.limit),
)

const moveUpload = prepared((db, values: { id: FileId; offset: number; expiresAt: number }) =>
  db
    .updateTable('uploads')
    .set({ offset: values.offset, expires_at: values.expiresAt })
    .where('id', '=', values.id),
)

const changeSize = prepared((db, values: { id: FileId; size: number }) =>
  db.updateTable('uploads').set({ size: values.size }).where('id', '=', values.id),
)

const markFinished = prepared((db, values: { id: FileId }) =>
  db.updateTable('uploads').set({ is_finished: 1 }).where('id', '=', values.id),
)

const markDeclined = prepared((db, values: { id: FileId }) =>
  db.updateTable('uploads').set({ is_declined: 1 }).where('id', '=', values.id),
)

const removeUpload = prepared((db, values: { id: FileId }) =>
  db.deleteFrom('uploads').where('id', '=', values.id),
)
