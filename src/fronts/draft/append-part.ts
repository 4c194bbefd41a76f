import type { FileStore } from '../../files/state/file-store.ts'
import { presentUpload } from '../../files/resume/finish-upload.ts'
import { StoreError } from '../../model/errors.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { refuseCoded } from '../../http/middleware/refuse-coded.ts'
import { uploadIdOf } from '../../http/headers/upload-address.ts'
import { countIn, hasPartialMediaType, limits, partialMediaType, uploadComplete } from './draft-fields.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'
import { partOf, receiveRequest } from './receive-request.ts'
import { refuseOlderDraft } from './refuse-older-draft.ts'

/** `PATCH /uploads/{id}`: more bytes at the end, the last ones or not. */
export async function appendPart(store: FileStore, ctx: HttpContext): Promise<void> {
  const id = uploadIdOf(ctx)
  ctx.state.always['Upload-Complete'] = '?0'
  refuseOlderDraft(ctx)
  // "A client can continue the upload and append representation data by sending a PATCH request
  // with the application/partial-upload media type".
  if (!hasPartialMediaType(ctx)) {
    throw new HttpProblem('unsupported_media_type', `Send Content-Type: ${partialMediaType}.`, {
      'Accept-Patch': partialMediaType,
    })
  }
  refuseCoded(ctx)
  // "The client MUST indicate the offset of the request content inside the representation data by
  // including the Upload-Offset request header field."
  const from = countIn('Upload-Offset', ctx)
  if (from === undefined)
    throw new StoreError('invalid_request', 'Upload-Offset must be a whole number of bytes.')
  // "The request MUST include the Upload-Complete header field."
  const isLast = uploadComplete(ctx)
  if (isLast === undefined)
    throw new StoreError('invalid_request', 'Send Upload-Complete: ?1 with the last part, ?0 with others.')
  const present = await presentUpload(store, ctx.state.caller, id)
  // "A server responding with a 413 Content Too Large status code as a result of its upload limits
  // MUST include the Upload-Limit header in this response".
  ctx.state.always['Upload-Limit'] = limits(store, present)
  if (present.isPartial)
    throw new StoreError('forbidden', 'This upload is there to be concatenated, with tus.')
  const { upload } = await receiveRequest(store, ctx, id, partOf(ctx, from, isLast))
  if (isLast) return
  // "the upload resource acknowledges the appended data by sending a 2xx (Successful) response with
  // the Upload-Complete header field set to false."
  ctx.status = 204
  ctx.set('Upload-Complete', '?0')
  ctx.set('Upload-Offset', String(upload.offset))
}
