import { StoreError } from '../../model/errors.ts'
import type { FileId, Space } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { NewUpload } from '../catalog.ts'
import { damage, sealOfSegment } from '../seals.ts'
import type { Database } from './dialect.ts'
import { inserted, prepared } from './prepared.ts'
import type { Schema } from './schema.ts'
import { holdUploads, insertUpload, present, rowOfUpload, uploadOfRow } from './upload-rows.ts'

/** A list of chunks, as a part of a file or an upload. */
export interface Segment {
  readonly listId: FileId
  /** Where in the file the list begins. */
  readonly start: number
}

/**
 * The list that holds byte `from` and those after it, in order, at most `limit`. A joined upload
 * has the lists of its parts, so that joining takes the same time for any size. All others have one
 * list.
 */
export async function segmentsFrom(
  db: Database,
  id: FileId,
  from: number,
  limit = Number.MAX_SAFE_INTEGER,
): Promise<readonly Segment[]> {
  const rows = await selectSegments(db, { id, from, limit })
  if (rows.length === 0) return [{ listId: id, start: 0 }]
  return rows.map(({ part_id: listId, start, seal }) => {
    if (seal !== sealOfSegment(id, start, listId))
      throw damage(`what ${id} was concatenated from has changed`)
    return { listId, start }
  })
}

/** Gives it the lists of these uploads, or of the parts that they were concatenated from. */
async function addSegments(db: Database, fileId: FileId, segments: readonly Segment[]): Promise<void> {
  const inner = await selectInner(db, { segments })
  const rows = inner.map(({ listId, start, innerStart, partId, seal }) => {
    if (partId !== null && seal !== sealOfSegment(listId, innerStart ?? 0, partId))
      throw damage(`what ${listId} was concatenated from has changed`)
    const [ownId, at] = [partId ?? listId, start + (innerStart ?? 0)]
    return { part_id: ownId, start: at, seal: sealOfSegment(fileId, at, ownId) }
  })
  await insertSegments(db, { fileId, rows })
}

/**
 * Whether the upload was concatenated from others, or is part of a concatenated one that still
 * exists.
 */
export async function isBoundByJoin(db: Database, id: FileId): Promise<boolean> {
  return (await selectBond(db, { id })).length > 0
}

export const deleteSegments = prepared((queries, values: { ids: readonly FileId[] }, { isAmong }) =>
  queries
    .deleteFrom('joined')
    .where(isAmong('file_id', values.ids, 'id'))
    .returning('start'),
)

/** With the lists that each of them was concatenated from. */
const selectInner = prepared((queries, { segments }: { segments: readonly Segment[] }, { given }) =>
  queries
    .selectFrom(given(segments, { listId: 'id', start: 'integer' }))
    .leftJoin('joined as inner', 'inner.file_id', 'given.listId')
    .select([
      'given.listId',
      'given.start',
      'inner.start as innerStart',
      'inner.part_id as partId',
      'inner.seal',
    ]),
)

type SealedSegment = Omit<Schema['joined'], 'file_id'>

const insertSegments = prepared(
  (_, { fileId, rows }: { fileId: FileId; rows: readonly SealedSegment[] }, dialect) => {
    const columns = { part_id: 'id', start: 'integer', seal: 'integer' } as const
    return inserted(dialect, 'joined', rows, columns, { file_id: dialect.typed(fileId, 'id') })
  },
)

const selectSegments = prepared((queries, values: { id: FileId; from: number; limit: number }) =>
  queries
    .selectFrom('joined')
    .select(['start', 'part_id', 'seal'])
    .where('file_id', '=', values.id)
    .where('start', '>=', (eb) =>
      eb.fn.coalesce(
        eb
          .selectFrom('joined as before')
          .select(({ fn }) => fn.max('before.start').as('start'))
          .where('before.file_id', '=', values.id)
          .where('before.start', '<=', values.from),
        eb.lit(0),
      ),
    )
    .orderBy('start')
    .limit(values.limit),
)

const selectBond = prepared((queries, values: { id: FileId }) =>
  queries
    .selectFrom('joined')
    .select('start')
    .where((eb) => eb.or([eb('file_id', '=', values.id), eb('part_id', '=', values.id)]))
    .limit(1),
)

export async function concatenateUploads(
  db: Database,
  upload: NewUpload,
  partIds: readonly FileId[],
): Promise<Upload> {
  const found = await holdUploads(db, partIds)
  const parts = partIds.map((id) => checkPart(present(found.get(id)), upload.space))
  const size = parts.reduce((sum, part) => sum + part.offset, 0)
  if (upload.size !== undefined && upload.size !== size) {
    throw new StoreError('invalid_request', `The parts have ${size} bytes together, not ${upload.size}.`)
  }
  const row = { ...rowOfUpload(upload, db.now), size, offset: size }
  await insertUpload(db, row)
  await addSegments(db, upload.id, placesOf(parts))
  return uploadOfRow(row)
}

/** An empty part has none. */
function placesOf(parts: readonly Upload[]): readonly Segment[] {
  const segments: Segment[] = []
  let start = 0
  for (const { id, offset } of parts) {
    if (offset > 0) segments.push({ listId: id, start })
    start += offset
  }
  return segments
}

function checkPart(part: Upload, space: Space): Upload {
  const { id, isPartial, offset, size } = part
  if (part.space !== space) {
    throw new StoreError(
      'invalid_request',
      `The upload ${id} belongs to another space: concatenate only uploads of one space.`,
    )
  }
  if (!isPartial) {
    throw new StoreError(
      'invalid_request',
      `The upload ${id} is not partial: only those that were created as such can be concatenated.`,
    )
  }
  if (offset !== size) {
    throw new StoreError(
      'invalid_request',
      `The partial upload ${id} is at ${offset} of ${size ?? 'unknown'} bytes: send the rest first.`,
    )
  }
  return part
}
