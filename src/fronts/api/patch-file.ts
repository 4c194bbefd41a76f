import type { FileStore } from '../../files/state/file-store.ts'
import { updateFile } from '../../files/manifests/update-file.ts'
import { parseFileRef } from '../../model/file.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { fileInfo } from '../../http/bodies/file-info.ts'
import { etagOf, readPrecondition } from '../../http/headers/etags.ts'
import { parseFileChanges, parseMergePatch } from '../../http/headers/file-changes.ts'
import { readJson } from '../../http/bodies/read-json.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'

const mergeType = 'application/merge-patch+json'
const jsonTypes = ['application/json', mergeType]

/**
 * `PATCH /api/files/{ref}`: renames, and changes media type and metadata. Metadata in a merge patch
 * is merged with that of the file (RFC 7396); in plain JSON it replaces all of it.
 */
export async function patchFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const ref = parseFileRef(pathBehind('/api/files/', ctx))
  const precondition = readPrecondition(ctx.req.headers)
  const body = await readChanges(ctx)
  const changes = ctx.is(mergeType) ? parseMergePatch(body) : parseFileChanges(body)
  const file = await updateFile(store, ctx.state.caller, ref, changes, precondition)
  ctx.set('ETag', etagOf(file.digest))
  ctx.body = fileInfo(file)
}

async function readChanges(ctx: HttpContext): Promise<unknown> {
  if (!ctx.is(...jsonTypes)) {
    // RFC 5789, 3.1
    throw new HttpProblem('unsupported_media_type', 'Send the changes as application/json.', {
      'Accept-Patch': jsonTypes.join(', '),
    })
  }
  return readJson(ctx, jsonTypes)
}
