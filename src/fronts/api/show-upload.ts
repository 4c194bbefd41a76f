import type { FileStore } from '../../files/state/file-store.ts'
import { presentUpload } from '../../files/resume/finish-upload.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileId } from '../../model/file.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { uploadInfo } from './upload-info.ts'
import { withChunks } from '../../http/bodies/with-chunks.ts'

/**
 * `GET /api/uploads/{id}`: an unfinished upload as it is at the moment; with `?chunks=1` also its
 * chunks, up to the offset. It only looks: a request that still appends goes on.
 */
export async function showUpload(store: FileStore, ctx: HttpContext): Promise<void> {
  const upload = await presentUpload(store, ctx.state.caller, parseFileId(pathBehind('/api/uploads/', ctx)))
  if (upload.isFinished) throw new StoreError('not_found', 'The upload has become a file: ask for the file.')
  const info = uploadInfo(upload)
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'json'
  ctx.body = ctx.state.target.query.get('chunks') === '1' ? withChunks(store, info, upload.offset) : info
}
