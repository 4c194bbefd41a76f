import { StoreError } from '../../model/errors.ts'
import type { FileId, Metadata } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { NewUpload } from '../catalog.ts'
import type { Database, Dialect } from './dialect.ts'
import { pick, prepared, type Queries } from './prepared.ts'
import type { UploadTable } from './schema.ts'

/** Locks uploads until the transaction ends. Those that do not exist are left out. */
export async function lockUploads(
  db: Database,
  ids: readonly FileId[],
): Promise<ReadonlyMap<FileId, Upload>> {
  const rows = await selectToChange(db, { ids })
  return new Map(rows.map((row) => [row.id, uploadOfRow(row)]))
}

/** The same with a shared lock, for transactions that only need them not to change. */
export async function holdUploads(
  db: Database,
  ids: readonly FileId[],
): Promise<ReadonlyMap<FileId, Upload>> {
  const rows = await selectToHold(db, { ids })
  return new Map(rows.map((row) => [row.id, uploadOfRow(row)]))
}

/** Rejects `not_found`, and `offset_conflict` if the upload is finished. */
export async function lockUnfinished(db: Database, id: FileId): Promise<Upload> {
  return unfinished((await lockUploads(db, [id])).get(id))
}

/** Throws `not_found`. */
export function present(upload: Upload | undefined): Upload {
  if (!upload)
    throw new StoreError('not_found', 'There is no such upload: it was finished, deleted or has expired.')
  return upload
}

/** Throws `not_found`, and `offset_conflict` if the upload is finished. */
export function unfinished(found: Upload | undefined): Upload {
  const upload = present(found)
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
    owner: upload.space,
    name: upload.name,
    media_type: upload.mediaType,
    metadata: JSON.stringify(upload.metadata),
    size: upload.size ?? null,
    offset: 0,
    is_partial: upload.isPartial ?? false,
    is_finished: false,
    is_declined: false,
    announced: upload.protocolState ?? null,
    created_at: now,
    expires_at: upload.expiresAt,
  }
}

export function uploadOfRow(row: UploadTable): Upload {
  return {
    id: row.id,
    space: row.owner,
    name: row.name,
    mediaType: row.media_type,
    metadata: JSON.parse(row.metadata) as Metadata,
    offset: row.offset,
    ...(row.size !== null && { size: row.size }),
    isPartial: Boolean(row.is_partial),
    isFinished: Boolean(row.is_finished),
    hasFailedPrecondition: Boolean(row.is_declined),
    ...(row.announced !== null && { protocolState: row.announced }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}

export const uploadColumns = [
  'id',
  'owner',
  'name',
  'media_type',
  'metadata',
  'size',
  'offset',
  'is_partial',
  'is_finished',
  'is_declined',
  'announced',
  'created_at',
  'expires_at',
] as const

export const insertUpload = prepared((queries, values: UploadTable, { flag }) =>
  queries.insertInto('uploads').values({
    ...pick(values, uploadColumns),
    is_partial: flag(values.is_partial),
    is_finished: flag(values.is_finished),
    is_declined: flag(values.is_declined),
  }),
)

export const selectUpload = prepared((queries, values: { id: FileId }) =>
  queries.selectFrom('uploads').select(uploadColumns).where('id', '=', values.id),
)

type Ids = { readonly ids: readonly FileId[] }

const uploadsOf = (queries: Queries, { ids }: Ids, { isAmong }: Dialect) =>
  queries
    .selectFrom('uploads')
    .select(uploadColumns)
    .where(isAmong('id', ids, 'id'))
    .orderBy('id')

const selectToChange = prepared((queries, values: Ids, dialect) =>
  uploadsOf(queries, values, dialect).modifyEnd(dialect.lock('for update')),
)

const selectToHold = prepared((queries, values: Ids, dialect) =>
  uploadsOf(queries, values, dialect).modifyEnd(dialect.lock('for share')),
)
