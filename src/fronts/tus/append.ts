import type { IncomingMessage } from 'node:http'
import { appendToUpload, type AppendRequest } from '../../files/resume/append-to-upload.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import { presentUpload, type AppendedUpload } from '../../files/resume/finish-upload.ts'
import type { BodyCheck } from '../../files/upload/receive.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { continued } from '../../http/server/continue-when-read.ts'
import { BodyDigests } from '../../http/headers/body-digests.ts'
import { etagOf, readPrecondition } from '../../http/headers/etags.ts'
import { expectedDigests } from '../../http/headers/expected-digests.ts'
import { refuseCoded } from '../../http/middleware/refuse-coded.ts'
import { readProtocolState } from './protocol-state.ts'
import { uploadIdOf } from '../../http/headers/upload-address.ts'
import { describeProgress, expiryOf, parseWholeNumber } from './tus-route.ts'
import { uploadChecksums } from './upload-checksum.ts'

const offsetMediaType = 'application/offset+octet-stream'

/** `PATCH /uploads/{id}`: more bytes at the end. */
export async function append(store: FileStore, ctx: HttpContext): Promise<void> {
  const id = uploadIdOf(ctx)
  const upload = await presentUpload(store, ctx.state.caller, id)
  refuseFinal(upload)
  // "This header MUST be included in every PATCH response if the upload is going to expire."
  if (!upload.isFinished) ctx.state.always['Upload-Expires'] = expiryOf(upload)
  // "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the
  // server SHOULD return a 415 Unsupported Media Type status."
  if (!hasOffsetMediaType(ctx))
    throw new StoreError('unsupported_media_type', `Send Content-Type: ${offsetMediaType}.`)
  const from = parseWholeNumber('Upload-Offset', ctx.get('Upload-Offset'))
  if (from === undefined) throw new StoreError('invalid_request', 'Upload-Offset is missing.')
  // "Once it is known the Client MUST set the Upload-Length header in the next PATCH request. Once
  // set the length MUST NOT be changed."
  const size = parseWholeNumber('Upload-Length', ctx.get('Upload-Length'))
  if (upload.isFinished && from === upload.offset && (size ?? from) === from && isEmpty(ctx)) {
    // The client lost the answer that told it so, and asks once more.
    ctx.status = 204
    describeProgress(ctx, upload)
    return
  }
  const appended = await receiveBody(store, ctx, id, { from, ...(size !== undefined && { size }) })
  // "The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST
  // include the Upload-Offset header containing the new offset."
  ctx.status = 204
  describeAppended(ctx, appended)
}

function isEmpty({ req: { headers } }: HttpContext): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}

/** The body of a PATCH, or of a creation with upload. */
export function receiveBody(
  store: FileStore,
  ctx: HttpContext,
  id: FileId,
  request: Pick<AppendRequest, 'from' | 'size'>,
): Promise<AppendedUpload> {
  refuseCoded(ctx)
  const length = parseWholeNumber('Content-Length', ctx.get('Content-Length'))
  return appendToUpload(store, ctx.state.caller, id, () => continued(ctx.req), {
    ...request,
    checks: [...uploadChecksums(ctx.req), ...contentDigests(ctx.req)],
    precondition: readPrecondition(ctx.req.headers),
    ...(length !== undefined && { length }),
  })
}

/**
 * RFC 9530, 2: `Content-Digest` is of this body; 3: `Repr-Digest` would be of the whole file, which
 * is not there yet.
 */
function contentDigests({ headers }: IncomingMessage): readonly BodyCheck[] {
  if (headers['repr-digest'] !== undefined) {
    throw new StoreError(
      'invalid_digest',
      'Repr-Digest cannot be checked here: send Upload-Checksum or Content-Digest.',
    )
  }
  const expected = expectedDigests(headers)
  return expected.length > 0 ? [new BodyDigests(expected)] : []
}

/** Of a request without a body, too: that is one of no bytes. */
export function hasOffsetMediaType(ctx: HttpContext): boolean {
  return ctx.get('Content-Type').toLowerCase() === offsetMediaType
}

/**
 * How far the upload is, and, in the answer that completes it, the tag of the file that it has
 * become.
 */
export function describeAppended(ctx: HttpContext, { upload, committed }: AppendedUpload): void {
  describeProgress(ctx, upload)
  if (committed) ctx.set('ETag', etagOf(committed.file.digest))
}

/**
 * "The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload
 * URL and MUST NOT modify the final or its partial uploads."
 */
function refuseFinal(upload: Upload): void {
  if (readProtocolState(upload).concat?.startsWith('final')) {
    throw new StoreError('forbidden', 'Nothing can be appended to a final upload.')
  }
}
