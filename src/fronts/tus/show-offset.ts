import type { FileStore } from '../../files/state/file-store.ts'
import { finishIfLeftOver, takeOverUpload } from '../../files/resume/finish-upload.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { readPrecondition } from '../../http/headers/etags.ts'
import { readProtocolState } from './protocol-state.ts'
import { uploadIdOf } from '../../http/headers/upload-address.ts'
import { describeProgress } from './tus-route.ts'

/**
 * `HEAD /uploads/{id}`: tells how far the upload is. It first interrupts a request that appends, so
 * that the answer stays true. If all bytes are there, it also makes the file that a crash left
 * unfinished.
 */
export async function showOffset(store: FileStore, ctx: HttpContext): Promise<void> {
  const settled = await takeOverUpload(store, ctx.state.caller, uploadIdOf(ctx))
  const upload = await finishIfLeftOver(store, settled, readPrecondition(ctx.req.headers))
  const { metadata, concat } = readProtocolState(upload)
  ctx.status = 200
  // "The Server MUST prevent the client and/or proxies from caching the response by adding the
  // Cache-Control: no-store header to the response."
  ctx.set('Cache-Control', 'no-store')
  // "The Server MUST always include the Upload-Offset header in the response for a HEAD request,
  // even if the offset is 0, or the upload is already considered completed."
  describeProgress(ctx, upload)
  // "If the size of the upload is known, the Server MUST include the Upload-Length header in the
  // response."
  if (upload.size !== undefined) ctx.set('Upload-Length', String(upload.size))
  // "As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1
  // in all responses to HEAD requests."
  else ctx.set('Upload-Defer-Length', '1')
  // "If an upload contains additional metadata, responses to HEAD requests MUST include the
  // Upload-Metadata header and its value as specified by the Client during the creation."
  if (metadata) ctx.set('Upload-Metadata', metadata)
  // "Response to HEAD request against partial or final upload MUST include the Upload-Concat header
  // and its value as received in the upload creation request."
  if (concat) ctx.set('Upload-Concat', concat)
}
