import { StoreError } from '../../model/errors.ts'
import type { FileId, Owner } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { NewUpload } from '../catalog.ts'
import type { Database } from './dialect.ts'
import { addSegments, type Segment } from './segments.ts'
import { holdUploads, insertUpload, present, rowOfUpload, uploadOfRow } from './upload-rows.ts'

export async function joinUploads(
  db: Database,
  upload: NewUpload,
  partIds: readonly FileId[],
): Promise<Upload> {
  const found = await holdUploads(db, partIds)
  const parts = partIds.map((id) => checkPart(present(found.get(id)), upload.owner))
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
  const places: Segment[] = []
  let start = 0
  for (const { id, offset } of parts) {
    if (offset > 0) places.push({ listId: id, start })
    start += offset
  }
  return places
}

function checkPart(part: Upload, owner: Owner): Upload {
  const { id, isPartial, offset, size } = part
  if (part.owner !== owner) {
    throw new StoreError('invalid_request', `The upload ${id} belongs to somebody else: join only your own.`)
  }
  if (!isPartial) {
    throw new StoreError(
      'invalid_request',
      `The upload ${id} is not partial: only those that were created as such can be joined.`,
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
