import type { FileStore } from '../../files/state/file-store.ts'
import { takeOverUpload } from '../../files/resume/finish-upload.ts'
import { addressOf, type HttpContext } from '../../http/server/context.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'
import { uploadIdOf } from '../../http/headers/upload-address.ts'
import { limits } from './draft-fields.ts'

/**
 * `GET /uploads/{id}`: the same as `HEAD`, without content: "This document does not place any
 * requirements on the response content for GET requests." tus has no GET.
 */
export function getState(store: FileStore, ctx: HttpContext): Promise<void> {
  if (ctx.req.headers['tus-resumable'] !== undefined) {
    throw new HttpProblem('method_not_allowed', 'Ask for the offset of an upload with HEAD.', {
      Allow: 'DELETE, HEAD, OPTIONS, PATCH',
    })
  }
  return showState(store, ctx)
}

/**
 * `HEAD /uploads/{id}`: how far the upload is. "the server MUST NOT send outdated information in
 * responses when retrieving the offset": a request that still appends to it is ended first.
 */
export async function showState(store: FileStore, ctx: HttpContext): Promise<void> {
  // "SHOULD include the Cache-Control header field with the value no-store to prevent HTTP
  // caching".
  ctx.set('Cache-Control', 'no-store')
  const upload = await takeOverUpload(store, ctx.state.caller, uploadIdOf(ctx))
  ctx.status = 204
  // "MUST include the offset in the Upload-Offset header field".
  ctx.set('Upload-Offset', String(upload.offset))
  // "MUST include the completeness state in the Upload-Complete header field". "The offset could
  // match the length, but the upload can still be incomplete."
  ctx.set('Upload-Complete', upload.isFinished ? '?1' : '?0')
  // "MUST include the length in the Upload-Length header field, unless the client has not supplied
  // one".
  if (upload.size !== undefined) ctx.set('Upload-Length', String(upload.size))
  // "MUST indicate the limits in the Upload-Limit header field".
  ctx.set('Upload-Limit', limits(store, upload))
  // "The client can learn that the upload is complete by retrieving its state, but resumable
  // uploads … do not offer functionality to recover the missed response. To address this issue, the
  // server can send the desired information in header fields".
  if (upload.isFinished) ctx.set('Content-Location', addressOf(ctx, `/files/@${upload.id}`))
}
