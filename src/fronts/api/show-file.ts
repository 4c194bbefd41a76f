import { openFile } from '../../files/download/download.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileRef } from '../../model/file.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { fileInfo } from '../../http/bodies/file-info.ts'
import { etagOf } from '../../http/headers/etags.ts'
import { withChunks } from '../../http/bodies/with-chunks.ts'

/** `GET /api/files/{ref}`: file info; with `?chunks=1` the chunk list too, streamed. */
export async function showFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const open = await openFile(store, ctx.state.caller, parseFileRef(pathBehind('/api/files/', ctx)))
  if (!open) throw new StoreError('not_found', 'There is no such file.')
  const info = fileInfo(open.file)
  ctx.set('ETag', etagOf(open.file.digest))
  if (ctx.state.target.query.get('chunks') !== '1') {
    open.close()
    ctx.body = info
    return
  }
  const json = withChunks(store, info, open.file.size)
  // A client that asks for the chunks is about to fetch them.
  json.once('close', () => open.close({ mayContinue: true }))
  ctx.type = 'json'
  ctx.body = json
}
