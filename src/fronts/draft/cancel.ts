import type { FileStore } from '../../files/state/file-store.ts'
import { takeOverUpload } from '../../files/resume/finish-upload.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { uploadIdOf } from '../../http/headers/upload-address.ts'

/**
 * `DELETE /uploads/{id}`: ends an upload. One that is a file by now is only forgotten: files are
 * deleted as files.
 */
export async function cancel(store: FileStore, ctx: HttpContext): Promise<void> {
  // "The server SHOULD terminate any in-flight requests to the upload resource before sending the
  // response".
  const { id } = await takeOverUpload(store, ctx.state.caller, uploadIdOf(ctx))
  // "Upon receiving a DELETE request, the server SHOULD deactivate the upload resource."
  await store.catalog.deleteUpload(id)
  ctx.status = 204
}
