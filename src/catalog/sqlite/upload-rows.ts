import { StoreError } from '../../model/errors.ts'
import type { FileId, Metadata } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { NewUpload } from '../catalog.ts'
import { prepared } from './prepared.ts'
import type { Database, UploadTable } from './schema.ts'

/** Rejects `not_found`. */
export async function findPresent(db: Database, id: FileId): Promise<Upload> {
  const [row] = await selectUpload(db, { id })
  if (!row)
    throw new StoreError('not_found', 'There is no such upload: it was finished, deleted or has expired.')
  return uploadOfRow(row)
}

/** Rejects `not_found`, and `offset_conflict` if the upload is finished. */
export async function findUnfinished(db: Database, id: FileId): Promise<Upload> {
  const upload = await findPresent(db, id)
  if (upload.isFinished) {
    throw new StoreError(
      'offset_conflict',
      'The upload is finished and cannot change any more: look for the file that has its id.',
    )
  }
  return upload
}

/** A new upload that has nothing yet. */
export function rowOfUpload(upload: NewUpload, now: number): UploadTable {
  return {
    id: upload.id,
    owner: upload.owner,
    name: upload.name,
    media_type: upload.mediaType,
    metadata: JSON.stringify(upload.metadata),
    size: upload.size ?? null,
    offset: 0,
    is_partial: upload.isPartial ? 1 : 0,
    is_finished: 0,
    is_declined: 0,
    announced: upload.announced ?? null,
    created_at: now,
    expires_at: upload.expiresAt,
  }
}

export function uploadOfRow(row: UploadTable): Upload {
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    mediaType: row.media_type,
    metadata: JSON.parse(row.metadata) as Metadata,
    offset: row.offset,
    ...(row.size !== null && { size: row.size }),
    isPartial: row.is_partial === 1,
    isFinished: row.is_finished === 1,
    isDeclined: row.is_declined === 1,
    ...(row.announced !== null && { announced: row.announced }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}

export const insertUpload = prepared((db, values: UploadTable) =>
  db.insertInto('uploads').values({
    id: values.id,
    owner: values.owner,
    name: values.name,
    media_type: values.media_type,
    metadata: values.metadata,
    size: values.size,
    offset: values.offset,
    is_partial: values.is_partial,
    is_finished: values.is_finished,
    is_declined: values.is_declined,
    announced: values.announced,
    created_at: values.created_at,
    expires_at: values.expires_at,
  }),
)

export const selectUpload = prepared((db, values: { id: FileId }) =>
  db.selectFrom('uploads').selectAll().where('id', '=', values.id),
)
