import { deleteFile as endFile } from '../../files/manifests/update-file.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import { parseFileRef } from '../../model/file.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { readPrecondition } from '../../http/headers/etags.ts'

/** `DELETE /files/{ref}` */
export async function deleteFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const ref = parseFileRef(pathBehind('/files/', ctx))
  await endFile(store, ctx.state.caller, ref, readPrecondition(ctx.req.headers))
  ctx.status = 204
}
