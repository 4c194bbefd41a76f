import { appendToUpload, MisfitError, type AppendRequest } from '../../files/resume/append-to-upload.ts'
import { deleteUpload, presentUpload, type AppendedUpload } from '../../files/resume/finish-upload.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import type { BodyCheck } from '../../files/upload/receive.ts'
import { tooLarge } from '../../files/upload/store-chunks.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { continued } from '../../http/server/continue-when-read.ts'
import { BodyDigests } from '../../http/headers/body-digests.ts'
import { readPrecondition } from '../../http/headers/etags.ts'
import { expectedDigests } from '../../http/headers/expected-digests.ts'
import { describeStored } from '../../http/bodies/file-info.ts'
import { bodyLength, countIn, largestInteger } from './draft-fields.ts'
import { completedUpload, inconsistentLength, misfitProblem } from './problems.ts'
import { InterimProgress } from './progress.ts'

export type PartRequest = AppendRequest & Required<Pick<AppendRequest, 'isLast' | 'precondition'>>

/**
 * What the headers say of the body. Throws `invalid_request`, `too_large` and `invalid_digest`,
 * before anything has happened.
 */
export function partOf(ctx: HttpContext, from: number, isLast: boolean): PartRequest {
  const length = bodyLength(ctx)
  const declared = countIn('Upload-Length', ctx)
  // "If the request includes the Upload-Complete field value set to true and a valid Content-Length
  // header field, … the length is then the sum of the current offset and the Content-Length header
  // field value."
  const size = isLast && length !== undefined ? from + length : declared
  // Upload-Length could not tell a larger one, and the catalog could not read it.
  if (size !== undefined && size > largestInteger) throw tooLarge(largestInteger)
  // "If indicators (1) and (2) are both present in the same request, their indicated lengths MUST
  // match."
  if (declared !== undefined && declared !== size)
    throw inconsistentLength(`Upload-Length says ${declared} bytes, but the upload ends after ${size}.`)
  return {
    from,
    isLast,
    checks: digestsOf(ctx, from === 0 && isLast),
    precondition: readPrecondition(ctx.req.headers),
    ...(length !== undefined && { length }),
    ...(size !== undefined && { size }),
  }
}

/**
 * Receives the body, and answers what a PUT would be answered if the upload is a file then: "the
 * upload resource SHOULD generate the response that matches what the resource, that was targeted by
 * the initial upload creation, would have generated". What to say otherwise is left to the caller.
 * Rejects as `appendToUpload` does, in the draft's words.
 */
export async function receiveRequest(
  store: FileStore,
  ctx: HttpContext,
  id: FileId,
  part: PartRequest,
): Promise<AppendedUpload> {
  const progress = new InterimProgress(store, ctx, id, part.from)
  try {
    const appended = await appendToUpload(store, ctx.state.caller, id, () => continued(ctx.req), {
      ...part,
      observers: [progress],
    })
    if (!part.isLast) return appended
    if (!appended.committed) throw completedUpload()
    describeStored(ctx, appended.committed)
    // "However, the response MUST include the Upload-Complete header field with a true value,
    // allowing clients to identify whether a response … is related to the resumable upload itself
    // or the processing of the upload representation."
    ctx.set('Upload-Complete', '?1')
    return appended
  } catch (error) {
    if (isStoreError(error, 'precondition_failed')) {
      // "Resuming the upload would not resolve this error."
      ctx.state.always['Upload-Complete'] = '?1'
    }
    if (error instanceof MisfitError) throw misfitProblem(error, part, store.options)
    if (isStoreError(error, 'too_large')) throw await endOversized(store, ctx, id, error)
    throw error
  } finally {
    await progress.ended()
  }
}

/**
 * "the server MUST prevent the offset from exceeding the upload length by rejecting the request
 * once the offset exceeds the length, marking the upload resource invalid and rejecting any further
 * interaction with it."
 */
async function endOversized(
  store: FileStore,
  ctx: HttpContext,
  id: FileId,
  error: StoreError,
): Promise<StoreError> {
  const { size } = await presentUpload(store, ctx.state.caller, id)
  await deleteUpload(store, id)
  return size === undefined
    ? error
    : inconsistentLength(`More came than the ${size} bytes of the upload: begin again.`)
}

/**
 * RFC 9530, 2: `Content-Digest` is of this body; 3: `Repr-Digest` is of the whole file, which only
 * a body that is all of it can be held to.
 */
function digestsOf({ req: { headers } }: HttpContext, isWhole: boolean): readonly BodyCheck[] {
  if (headers['repr-digest'] !== undefined && !isWhole) {
    throw new StoreError(
      'invalid_digest',
      'Repr-Digest cannot be checked here: send Content-Digest with each part.',
    )
  }
  const expected = expectedDigests(headers)
  return expected.length > 0 ? [new BodyDigests(expected)] : []
}
