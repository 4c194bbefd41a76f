import type { FileStore } from '../../files/state/file-store.ts'
import { takeOverUpload } from '../../files/resume/finish-upload.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { uploadIdOf } from '../../http/headers/upload-address.ts'

/**
 * `DELETE /uploads/{id}`: ends an upload. One that is a file by now is only forgotten: files are
 * deleted as files.
 */
export async function terminate(store: FileStore, ctx: HttpContext): Promise<void> {
  const { id } = await takeOverUpload(store, ctx.state.caller, uploadIdOf(ctx))
  await store.catalog.deleteUpload(id)
  // "When receiving a DELETE request for an existing upload the Server … MUST respond with the 204
  // No Content status".
  ctx.status = 204
}
