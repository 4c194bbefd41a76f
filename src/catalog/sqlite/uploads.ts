import { StoreError } from '../../model/errors.ts'
import type { FileId, Metadata, Owner } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { ChunkUse, CommittedFile, FinishedUpload, NewUpload } from '../catalog.ts'
import { useChunks } from './chunks.ts'
import { insertDiscarded, placeFile } from './files.ts'
import { prepared } from './prepared.ts'
import type { Database, UploadTable } from './schema.ts'

export async function createUpload(db: Database, upload: NewUpload, now: number): Promise<Upload> {
  await insertUpload(db, {
    id: upload.id,
    owner: upload.owner,
    name: upload.name,
    media_type: upload.mediaType,
    metadata: JSON.stringify(upload.metadata),
    size: upload.size ?? null,
    offset: 0,
    created_at: now,
    expires_at: upload.expiresAt,
  })
  return { ...upload, offset: 0, createdAt: now }
}

export async function findUpload(db: Database, owner: Owner, id: FileId): Promise<Upload | undefined> {
  const [row] = await selectById(db, { id })
  return row?.owner === owner ? uploadOfRow(row) : undefined
}

export async function advanceUpload(
  db: Database,
  id: FileId,
  from: number,
  chunks: readonly ChunkUse[],
  expiresAt: number,
): Promise<number> {
  const { offset, size } = await findPresent(db, id)
  if (offset !== from) {
    throw new StoreError(
      'offset_conflict',
      `The upload is at ${offset}, not at ${from}: continue from there.`,
    )
  }
  const end = await useChunks(db, id, offset, chunks)
  if (size !== undefined && end > size) {
    throw new StoreError(
      'too_large',
      `The upload was announced with ${size} bytes; this would make it ${end}.`,
    )
  }
  await moveUpload(db, { id, offset: end, expiresAt })
  return end
}

export async function finishUploads(
  db: Database,
  uploads: readonly FinishedUpload[],
  now: number,
): Promise<readonly CommittedFile[]> {
  const committed: CommittedFile[] = []
  for (const { id, digest, precondition } of uploads) {
    const { offset, size = offset, owner, name, mediaType, metadata } = await findPresent(db, id)
    if (offset !== size) {
      throw new StoreError(
        'offset_conflict',
        `The upload is at ${offset} of ${size} bytes: send the rest first.`,
      )
    }
    await removeUpload(db, { id })
    const file = { id, owner, name, size, mediaType, digest, createdAt: now, modifiedAt: now, metadata }
    committed.push(await placeFile(db, file, precondition))
  }
  return committed
}

export async function deleteUpload(db: Database, id: FileId, expiredBefore = Infinity): Promise<boolean> {
  const [upload] = await selectById(db, { id })
  if (!upload || upload.expires_at >= expiredBefore) return false
  await removeUpload(db, { id })
  await insertDiscarded(db, { id, at: 0 })
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

async function findPresent(db: Database, id: FileId): Promise<Upload> {
  const [row] = await selectById(db, { id })
  if (!row)
    throw new StoreError('not_found', 'There is no such upload: it was finished, deleted or has expired.')
  return uploadOfRow(row)
}

function uploadOfRow(row: UploadTable): Upload {
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    mediaType: row.media_type,
    metadata: JSON.parse(row.metadata) as Metadata,
    offset: row.offset,
    ...(row.size !== null && { size: row.size }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}

const insertUpload = prepared((db, values: UploadTable) =>
  db.insertInto('uploads').values({
    id: values.id,
    owner: values.owner,
    name: values.name,
    media_type: values.media_type,
    metadata: values.metadata,
    size: values.size,
    offset: values.offset,
    created_at: values.created_at,
    expires_at: values.expires_at,
  }),
)

const selectById = prepared((db, values: { id: FileId }) =>
  db.selectFrom('uploads').selectAll().where('id', '=', values.id),
)

const selectByOwner = prepared((db, values: { owner: Owner; after: string; limit: number }) =>
  db
    .selectFrom('uploads')
    .selectAll()
    .where('owner', '=', values.owner)
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

const removeUpload = prepared((db, values: { id: FileId }) =>
  db.deleteFrom('uploads').where('id', '=', values.id),
)
