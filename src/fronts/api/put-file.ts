import { uploadFile } from '../../files/upload/upload-file.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileName } from '../../model/file.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { continued } from '../../http/server/continue-when-read.ts'
import { describeStored } from '../../http/bodies/file-info.ts'
import { BodyDigests } from '../../http/headers/body-digests.ts'
import { readPrecondition } from '../../http/headers/etags.ts'
import { expectedDigests } from '../../http/headers/expected-digests.ts'
import { mediaTypeOf } from '../../http/headers/media-type.ts'
import { refuseWhatWouldNotBeTheFile } from '../../http/middleware/refuse-coded.ts'
import { refuseWithoutLength } from '../../http/middleware/refuse-without-length.ts'
import { parseMetadata } from '../../http/headers/upload-metadata.ts'

/** `PUT /files/{name}`: the body becomes the file behind the name, whole or not at all. */
export async function putFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const { headers } = ctx.req
  const name = parseFileName(pathBehind('/files/', ctx))
  refuseWhatWouldNotBeTheFile(ctx)
  refusePart(ctx)
  refuseWithoutLength(ctx)
  const committed = await uploadFile(store, ctx.state.caller, () => continued(ctx.req), {
    name,
    mediaType: mediaTypeOf(headers['content-type'], name),
    metadata: parseMetadata(ctx.get('Upload-Metadata')),
    precondition: readPrecondition(headers),
    checks: [new BodyDigests(expectedDigests(headers))],
    ...(headers['content-length'] !== undefined && { size: Number(headers['content-length']) }),
  })
  describeStored(ctx, committed)
}

/**
 * Refuses a plain PUT whose tus or IETF draft headers say that the body is only a part of the file.
 */
function refusePart(ctx: HttpContext): void {
  const { headers } = ctx.req
  const offset = headers['upload-offset']
  const length = headers['upload-length']
  const isPart =
    (offset !== undefined && offset !== '0') ||
    (length !== undefined && headers['content-length'] !== undefined && length !== headers['content-length'])
  if (isPart) {
    throw new StoreError(
      'invalid_request',
      'PUT stores whole files: to send a part, add Upload-Complete, or upload with tus.',
    )
  }
}
