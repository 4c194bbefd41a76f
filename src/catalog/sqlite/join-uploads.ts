import { StoreError } from '../../model/errors.ts'
import type { FileId, Owner } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { NewUpload } from '../catalog.ts'
import type { Database } from './schema.ts'
import { addSegment, segmentsFrom } from './segments.ts'
import { findPresent, insertUpload, rowOfUpload, uploadOfRow } from './upload-rows.ts'

export async function joinUploads(
  db: Database,
  upload: NewUpload,
  partIds: readonly FileId[],
  now: number,
): Promise<Upload> {
  const parts: Upload[] = []
  for (const id of partIds) parts.push(await findPart(db, id, upload.owner))
  const size = parts.reduce((sum, part) => sum + part.offset, 0)
  if (upload.size !== undefined && upload.size !== size) {
    throw new StoreError('invalid_request', `The parts have ${size} bytes together, not ${upload.size}.`)
  }
  const row = { ...rowOfUpload(upload, now), size, offset: size }
  await insertUpload(db, row)
  await addParts(db, parts, upload.id)
  return uploadOfRow(row)
}

async function addParts(db: Database, parts: readonly Upload[], toId: FileId): Promise<void> {
  let end = 0
  for (const { id, offset } of parts) {
    // A part may have been joined of others, and an empty one has no place.
    const segments = offset > 0 ? await segmentsFrom(db, id, 0) : []
    for (const { listId, start } of segments) await addSegment(db, toId, { listId, start: end + start })
    end += offset
  }
}

async function findPart(db: Database, id: FileId, owner: Owner): Promise<Upload> {
  const part = await findPresent(db, id)
  checkPart(part, owner)
  return part
}

function checkPart({ id, isPartial, offset, size, owner: partOwner }: Upload, owner: Owner): void {
  if (partOwner !== owner) {
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
}
