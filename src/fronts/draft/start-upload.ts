import { checkCurrentFile, refuseWithoutSpace } from '../../files/upload/preflight.ts'
import { deleteUpload } from '../../files/resume/finish-upload.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import { keepPrecondition } from '../../files/resume/kept-precondition.ts'
import { newExpiry } from '../../files/upload/receive-into-upload.ts'
import { tooLarge } from '../../files/upload/store-chunks.ts'
import { isStoreError, StoreError, type ErrorCode } from '../../model/errors.ts'
import { parseFileName, type FileName } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { formFileName } from '../../http/headers/form-file-name.ts'
import { mediaTypeOf } from '../../http/headers/media-type.ts'
import { refuseWhatWouldNotBeTheFile } from '../../http/middleware/refuse-coded.ts'
import { refuseWithoutLength } from '../../http/middleware/refuse-without-length.ts'
import { locationOf, newUploadId } from '../../http/headers/upload-address.ts'
import { parseMetadata } from '../../http/headers/upload-metadata.ts'
import { limits, uploadComplete } from './draft-fields.ts'
import { sendInterim } from './interim.ts'
import { partOf, receiveRequest, type PartRequest } from './receive-request.ts'
import { refuseOlderDraft } from './refuse-older-draft.ts'

/** What the whole upload was refused for: nobody would continue it. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'too_large',
  'invalid_request',
  'digest_mismatch',
  'precondition_failed',
])

/**
 * `PUT /files/{name}` with `Upload-Complete`: the same as without, but what arrives can be
 * continued.
 */
export function startPut(store: FileStore, ctx: HttpContext): Promise<void> {
  return startUpload(store, ctx, parseFileName(pathBehind('/files/', ctx)))
}

/** `POST /uploads`: a new file, named as `Content-Disposition` says, or for its id. */
export function startPost(store: FileStore, ctx: HttpContext): Promise<void> {
  return startUpload(store, ctx, nameInDisposition(ctx))
}

async function startUpload(store: FileStore, ctx: HttpContext, named: FileName | undefined): Promise<void> {
  refuseOlderDraft(ctx)
  const isWhole = uploadComplete(ctx)
  if (isWhole === undefined)
    throw new StoreError('invalid_request', 'Send Upload-Complete: ?1 with a whole file, ?0 with a part.')
  // Problems of the request itself are not of a file that was received.
  ctx.state.always['Upload-Complete'] = '?0'
  refuseWhatWouldNotBeTheFile(ctx)
  if (isWhole) refuseWithoutLength(ctx)
  // "A server responding with a 413 Content Too Large status code as a result of its upload limits
  // MUST include the Upload-Limit header in this response".
  ctx.state.always['Upload-Limit'] = limits(store)
  const part = partOf(ctx, 0, isWhole)
  const upload = await createUpload(store, ctx, named, part)
  const { id } = upload
  // A request with only the rest could not be checked against a digest of all bytes.
  const canContinue = ctx.req.headers['repr-digest'] === undefined
  const isAnnounced = canContinue && announce(store, ctx, upload)
  try {
    const appended = await receiveRequest(store, ctx, id, part)
    if (!isWhole) describeStarted(store, ctx, appended.upload)
  } catch (error) {
    const isRefused = isStoreError(error) && refusals.has(error.code)
    // What nobody has heard of would only lie around, and a plain PUT leaves nothing either.
    if (isRefused || (isWhole && !isAnnounced)) await deleteUpload(store, id)
    else ctx.state.always['Location'] = locationOf(ctx, id)
    throw error
  }
}

async function createUpload(
  store: FileStore,
  ctx: HttpContext,
  named: FileName | undefined,
  { size, precondition }: PartRequest,
): Promise<Upload> {
  const { maxFileSize } = store.options
  // "The server might not create an upload resource if the length deduced from the upload creation
  // request is larger than the maximum size."
  if (size !== undefined && size > maxFileSize) throw tooLarge(maxFileSize)
  const id = newUploadId()
  const name = named ?? parseFileName(id)
  const mediaType = mediaTypeOf(ctx.req.headers['content-type'], name)
  await checkCurrentFile(store, ctx.state.caller, name, precondition)
  if (size !== undefined) await refuseWithoutSpace(store, size)
  return store.catalog.createUpload({
    id,
    space: ctx.state.caller.space,
    name,
    mediaType,
    metadata: parseMetadata(ctx.get('Upload-Metadata')),
    expiresAt: newExpiry(store),
    protocolState: keepPrecondition(precondition),
    ...(size !== undefined && { size }),
  })
}

/**
 * "it SHOULD announce the upload resource by sending an interim response with the 104 (Upload
 * Resumption Supported) status code …. When sent, it MUST include Location header field pointing to
 * the upload resource and MUST include the Upload-Limit header field with the corresponding
 * limits".
 */
function announce(store: FileStore, ctx: HttpContext, upload: Upload): boolean {
  return sendInterim(ctx, { Location: locationOf(ctx, upload.id), 'Upload-Limit': limits(store, upload) })
}

/**
 * "If the request content was fully received, the server MUST include the Location response header
 * field pointing to the upload resource and MUST include the Upload-Limit header field …. Servers
 * are RECOMMENDED to use the 201 (Created) status code."
 */
function describeStarted(store: FileStore, ctx: HttpContext, upload: Upload): void {
  ctx.status = 201
  ctx.body = ''
  ctx.set('Location', locationOf(ctx, upload.id))
  ctx.set('Upload-Complete', '?0')
  ctx.set('Upload-Offset', String(upload.offset))
  ctx.set('Upload-Limit', limits(store, upload))
}

/** "The Content-Disposition header field can be used to transmit a filename." */
function nameInDisposition(ctx: HttpContext): FileName | undefined {
  try {
    const name = formFileName(ctx.get('Content-Disposition'))
    return name ? parseFileName(name) : undefined
  } catch (error) {
    if (isStoreError(error)) throw error
    throw new StoreError('invalid_name', 'The file name in Content-Disposition is not UTF-8.', {
      cause: error,
    })
  }
}
