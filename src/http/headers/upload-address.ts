import { randomUUIDv7 } from 'node:crypto'
import { StoreError } from '../../model/errors.ts'
import { parseFileId, type FileId } from '../../model/file.ts'
import { addressOf, pathBehind, type HttpContext } from '../server/context.ts'

/** The id in `/uploads/{id}`. Rejects `not_found` for what can be none. */
export function uploadIdOf(ctx: HttpContext): FileId {
  try {
    return parseFileId(pathBehind('/uploads/', ctx))
  } catch (error) {
    throw new StoreError('not_found', 'There is no such upload.', { cause: error })
  }
}

export function newUploadId(): FileId {
  return randomUUIDv7() as FileId
}

export function locationOf(ctx: HttpContext, id: FileId): string {
  return addressOf(ctx, `/uploads/${id}`)
}
