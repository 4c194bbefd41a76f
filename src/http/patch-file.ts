import { koaBody } from 'koa-body'
import type { FileStore } from '../files/file-store.ts'
import { updateFile } from '../files/update-file.ts'
import { isStoreError, StoreError } from '../model/errors.ts'
import { parseFileRef } from '../model/file.ts'
import { pathBehind, type HttpContext } from './context.ts'
import { continued } from './continue-when-read.ts'
import { fileInfo } from './file-info.ts'
import { etagOf, readPrecondition } from './headers/etags.ts'
import { parseFileChanges } from './headers/file-changes.ts'
import { HttpProblem } from './render-errors.ts'

const jsonTypes = ['application/json', 'application/merge-patch+json']
const maxJsonBytes = 64 * 1024
const parseJson = koaBody({
  jsonTypes,
  jsonLimit: maxJsonBytes,
  json: true,
  multipart: false,
  text: false,
  urlencoded: false,
  parsedMethods: ['PATCH' as never],
})

/** `PATCH /api/files/{ref}`: renames, and changes media type and metadata. */
export async function patchFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const ref = parseFileRef(pathBehind('/api/files/', ctx))
  const precondition = readPrecondition(ctx.req.headers)
  const changes = parseFileChanges(await readJson(ctx))
  const file = await updateFile(store, ref, changes, precondition)
  ctx.set('ETag', etagOf(file.digest))
  ctx.body = fileInfo(file)
}

async function readJson(ctx: HttpContext): Promise<unknown> {
  if (!ctx.is(...jsonTypes)) {
    // RFC 5789, 3.1
    throw new HttpProblem('unsupported_media_type', 'Send the changes as application/json.', {
      'Accept-Patch': jsonTypes.join(', '),
    })
  }
  continued(ctx.req)
  try {
    await parseJson(ctx, () => Promise.resolve())
  } catch (error) {
    if (isStoreError(error) || !(error instanceof Error) || !('status' in error)) throw error
    if (error.status === 413)
      throw new StoreError('too_large', `The changes may have ${maxJsonBytes} bytes at most.`)
    throw new StoreError('invalid_request', 'The body is not valid JSON.', { cause: error })
  }
  return ctx.request.body
}
