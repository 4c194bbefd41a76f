import type { FileStore } from '../../files/state/file-store.ts'
import { takeOverUpload } from '../../files/resume/finish-upload.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileId } from '../../model/file.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { fromCursor, toCursor } from '../../http/headers/list-cursor.ts'
import { uploadInfo } from './upload-info.ts'

const uploadsPerPage = 100

/** `GET /api/uploads`: unfinished uploads, oldest first. */
export async function listUploads(store: FileStore, ctx: HttpContext): Promise<void> {
  const cursor = ctx.state.target.query.get('cursor')
  const after = cursor ? parseFileId(fromCursor(cursor)) : undefined
  const uploads = await store.catalog.listUploads(ctx.state.caller.space, uploadsPerPage, after)
  const last = uploads.length === uploadsPerPage ? uploads.at(-1) : undefined
  ctx.body = { uploads: uploads.map(uploadInfo), cursor: last ? toCursor(last.id) : null }
}

/** `DELETE /api/uploads/{id}`: ends an upload, and a request that still appends to it. */
export async function deleteUpload(store: FileStore, ctx: HttpContext): Promise<void> {
  const { id, isFinished } = await takeOverUpload(
    store,
    ctx.state.caller,
    parseFileId(pathBehind('/api/uploads/', ctx)),
  )
  if (isFinished) throw new StoreError('not_found', 'The upload has become a file: delete the file.')
  await store.catalog.deleteUpload(id)
  ctx.status = 204
}
