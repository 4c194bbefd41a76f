import { checkCurrentFile, refuseWithoutSpace } from '../../files/upload/preflight.ts'
import {
  deleteUpload,
  finishIfComplete,
  takeOverUpload,
  type AppendedUpload,
} from '../../files/resume/finish-upload.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import { tooLarge } from '../../files/upload/store-chunks.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'
import { parseFileId, type FileId } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { readPrecondition } from '../../http/headers/etags.ts'
import { writeProtocolState } from './protocol-state.ts'
import { describeAppended, hasOffsetMediaType, receiveBody } from './append.ts'
import { locationOf, newUploadId } from '../../http/headers/upload-address.ts'
import { describeFile } from '../../http/headers/upload-metadata.ts'
import { parseWholeNumber } from './tus-route.ts'

/** Partial uploads that one final upload may join. */
const maxParts = 1000

/** `POST /uploads`: a new upload, empty, with its first bytes, or made of others. */
export async function createUpload(store: FileStore, ctx: HttpContext): Promise<void> {
  const concat = ctx.get('Upload-Concat')
  const created = concat.startsWith('final')
    ? await joinParts(store, ctx, concat)
    : await createEmpty(store, ctx, concat)
  // "The Server MUST acknowledge a successful upload creation with the 201 Created status. The
  // Server MUST set the Location header to the URL of the created resource."
  ctx.status = 201
  ctx.body = ''
  ctx.set('Location', locationOf(ctx, created.upload.id))
  // "The Upload-Concat request and response header MUST be set in both partial and final upload
  // creation requests."
  if (concat) ctx.set('Upload-Concat', concat)
  describeAppended(ctx, created)
}

async function createEmpty(store: FileStore, ctx: HttpContext, concat: string): Promise<AppendedUpload> {
  const id = newUploadId()
  const size = announcedLength(ctx)
  if (size !== undefined && size > store.options.maxFileSize) {
    // "If the length of the upload exceeds the maximum … the Server MUST respond with the 413
    // Request Entity Too Large status."
    throw tooLarge(store.options.maxFileSize)
  }
  if (concat !== '' && concat !== 'partial')
    throw new StoreError('invalid_request', 'Upload-Concat must be partial, or final; and addresses.')
  const isPartial = concat === 'partial'
  const file = newUploadOf(store, ctx, id)
  // Preconditions are of a file, which a part never becomes.
  if (!isPartial)
    await checkCurrentFile(store, ctx.state.caller, file.name, readPrecondition(ctx.req.headers))
  if (size !== undefined) await refuseWithoutSpace(store, size)
  const upload = await store.catalog.createUpload({
    ...file,
    isPartial,
    ...(size !== undefined && { size }),
  })
  // Creation With Upload: "The Client MUST include the Content-Type:
  // application/offset+octet-stream header."
  if (!hasOffsetMediaType(ctx)) return finishOrDiscard(store, ctx, upload)
  return withFirstBytes(store, ctx, upload)
}

async function withFirstBytes(store: FileStore, ctx: HttpContext, upload: Upload): Promise<AppendedUpload> {
  try {
    return await receiveBody(store, ctx, upload.id, { from: 0 })
  } catch (error) {
    if (await canBeContinued(store, ctx, upload.id, error)) {
      ctx.state.always['Location'] = locationOf(ctx, upload.id)
    } else {
      await deleteUpload(store, upload.id)
    }
    throw error
  }
}

/**
 * What was refused as a whole must leave nothing; what broke off, or is whole and was only declined
 * by a precondition, can be continued by who hears where, or lists uploads.
 */
async function canBeContinued(
  store: FileStore,
  ctx: HttpContext,
  id: FileId,
  error: unknown,
): Promise<boolean> {
  const upload = await store.catalog.findUpload(ctx.state.caller.space, id)
  if (!upload) return false
  if (upload.hasFailedPrecondition || isStoreError(error, 'timeout')) return true
  const isBrokenOff = !isStoreError(error) || ['aborted', 'incomplete_body'].includes(error.code)
  // With a checksum nothing counts of what broke off, and its client has most likely gone.
  return isBrokenOff && upload.offset > 0
}

/**
 * Who hears of the failure does not know the upload: it must not stay, and has no bytes but those
 * of its parts.
 */
async function finishOrDiscard(store: FileStore, ctx: HttpContext, upload: Upload): Promise<AppendedUpload> {
  try {
    return await finishIfComplete(store, upload, readPrecondition(ctx.req.headers))
  } catch (error) {
    await deleteUpload(store, upload.id)
    throw error
  }
}

async function joinParts(store: FileStore, ctx: HttpContext, concat: string): Promise<AppendedUpload> {
  // "The Client MUST NOT include the Upload-Length header in the final upload creation."
  if (ctx.get('Upload-Length'))
    throw new StoreError(
      'invalid_request',
      'A final upload is as long as its parts: leave out Upload-Length.',
    )
  const partIds = partIdsIn(concat)
  let size = 0
  for (const id of partIds) size += (await takeOverUpload(store, ctx.state.caller, id)).offset
  if (size > store.options.maxFileSize) throw tooLarge(store.options.maxFileSize)
  const file = newUploadOf(store, ctx, newUploadId())
  await checkCurrentFile(store, ctx.state.caller, file.name, readPrecondition(ctx.req.headers))
  return finishOrDiscard(store, ctx, await store.catalog.concatenateUploads(file, partIds))
}

/**
 * "In the case of a final upload, its value MUST be final followed by a semicolon and a
 * space-separated list of partial upload URLs that will be concatenated. The partial uploads URLs
 * MAY be absolute or relative".
 */
function partIdsIn(concat: string): readonly FileId[] {
  const urls = /^final;\s*(\S.*)$/.exec(concat)?.[1]?.trim().split(/\s+/) ?? []
  if (urls.length === 0 || urls.length > maxParts) {
    throw new StoreError(
      'invalid_request',
      `Upload-Concat must name 1 to ${maxParts} partial uploads behind final;.`,
    )
  }
  return urls.map((url) => {
    // A second id in front is an upload that was meant, too, behind a comma or nothing: its bytes
    // must not be left out in silence.
    const id = /^(?:https?:\/\/[^/]+)?(?:\/(?![\da-f]{8}-)[^/\s]+)*\/uploads\/([^/?#]+)$/i.exec(url)?.[1]
    if (id === undefined)
      throw new StoreError('invalid_request', 'Upload-Concat must name uploads by their addresses.')
    return parseFileId(id)
  })
}

function newUploadOf(store: FileStore, ctx: HttpContext, id: FileId) {
  const metadata = ctx.get('Upload-Metadata')
  return {
    id,
    space: ctx.state.caller.space,
    ...describeFile(metadata, id),
    protocolState: writeProtocolState({
      metadata: metadata || undefined,
      concat: ctx.get('Upload-Concat') || undefined,
    }),
    expiresAt: Date.now() + store.options.uploadExpiryMs,
  }
}

/**
 * "The request MUST include one of the following headers: a) Upload-Length …, b)
 * Upload-Defer-Length: 1".
 */
function announcedLength(ctx: HttpContext): number | undefined {
  const size = parseWholeNumber('Upload-Length', ctx.get('Upload-Length'))
  const deferred = ctx.get('Upload-Defer-Length')
  // "If the Upload-Defer-Length header contains any other value than 1 the server should return a
  // 400 Bad Request status."
  if (deferred !== '' && deferred !== '1')
    throw new StoreError('invalid_request', 'Upload-Defer-Length must be 1.')
  if ((size === undefined) !== (deferred === '1')) {
    throw new StoreError('invalid_request', 'Send either Upload-Length or Upload-Defer-Length: 1.')
  }
  return size
}
