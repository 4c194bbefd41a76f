import type { FileStore } from '../../files/state/file-store.ts'
import { signalOfClient } from '../../http/server/client-gone.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { fileInfo } from '../../http/bodies/file-info.ts'
import { toCursor } from '../../http/headers/list-cursor.ts'
import { parseListQuery } from '../../http/headers/list-query.ts'

/** `GET /api/files`: a page of what there is, in the order of names. */
export async function listFiles(store: FileStore, ctx: HttpContext): Promise<void> {
  const query = parseListQuery(ctx.state.target.query)
  const { files, prefixes, next } = await store.catalog.listFiles(
    { space: ctx.state.caller.space, ...query },
    { signal: signalOfClient(ctx) },
  )
  ctx.body = {
    files: files.map(fileInfo),
    prefixes,
    cursor: next === undefined ? null : toCursor(next),
  }
}
