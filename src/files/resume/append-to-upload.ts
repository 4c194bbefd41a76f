import type { Readable } from 'node:stream'
import type { Caller } from '../../model/principal.ts'
import type { UploadLock } from '../state/upload-locks.ts'
import type { Precondition } from '../../catalog/catalog.ts'
import { StoreError, type ErrorCode } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import { checkCurrentFile } from '../upload/preflight.ts'
import type { Counted, OpenUploads, Storage, Transfer } from '../state/file-store.ts'
import { finishIfComplete, presentUpload, type AppendedUpload } from './finish-upload.ts'
import { keptPrecondition } from './kept-precondition.ts'
import { withStagingUpload } from './staging-upload.ts'
import type { BodyCheck } from '../upload/receive.ts'
import { newExpiry, receiveIntoUpload } from '../upload/receive-into-upload.ts'
import { compactTail } from './compact-tail.ts'
import { untilCut, type CutBody } from '../../streams/until-cut.ts'
import { tooLarge, type ByteObserver } from '../upload/store-chunks.ts'

export interface AppendRequest {
  /** Where the client continues; must equal the upload's offset. */
  readonly from: number
  /** Bytes of the body, if the client states them. */
  readonly length?: number
  /** Bytes of the whole file, if the client states them now; later requests cannot change them. */
  readonly size?: number
  /**
   * Whether the file ends with this body, if it arrives whole. Without this, the file is complete
   * at its size.
   */
  readonly isLast?: boolean
  /** With any check, the body and `size` count only as a whole, and only if all checks hold. */
  readonly checks: readonly BodyCheck[]
  readonly observers?: readonly ByteObserver[]
  /**
   * Must hold for the file that has the name, both before the body is requested and when the upload
   * becomes a file, in addition to the precondition that the upload was created with.
   */
  readonly precondition?: Precondition
}

/** The request does not fit the upload and leaves it unchanged. `upload` is its present state. */
export class MisfitError extends StoreError {
  readonly upload: Upload

  constructor(code: ErrorCode, message: string, upload: Upload) {
    super(code, message)
    this.upload = upload
  }
}

/**
 * Appends a body to an upload. Bytes count as soon as they are durable, even if the body breaks
 * off, unless `checks` must hold. A complete upload becomes a file. The body is requested only
 * after everything known beforehand has been checked.
 *
 * Rejects `not_found`; `offset_conflict` while another request appends; with a `MisfitError`:
 * `offset_conflict`, `invalid_request` if another size was stated before or the last body ends
 * elsewhere, and `too_large` if it would exceed the size. Also rejects `too_large` once it does,
 * `precondition_failed`, what a check throws, and, once all that arrived is durable, the body's own
 * failure. Afterwards nothing changes the upload any more.
 */
export async function appendToUpload(
  store: Storage & Transfer & OpenUploads & Counted,
  { space }: Caller,
  id: FileId,
  openBody: () => Readable,
  request: AppendRequest,
): Promise<AppendedUpload> {
  const lock = store.uploadLocks.tryAcquire(space, id)
  if (!lock) {
    throw new StoreError(
      'offset_conflict',
      'Another request is appending. Send HEAD, which interrupts it, and resume at the returned offset.',
    )
  }
  try {
    // Look it up first: no caller may protect, or stop protecting, an upload of another space.
    const upload = await presentUpload(store, { space }, id)
    return await appendLocked(store, lock, upload, openBody, request)
  } finally {
    lock.release()
  }
}

async function appendLocked(
  store: Storage & Transfer & OpenUploads & Counted,
  lock: UploadLock,
  upload: Upload,
  openBody: () => Readable,
  request: AppendRequest,
): Promise<AppendedUpload> {
  const { id } = upload
  store.receiving.add(id)
  try {
    await refuseEarly(store, upload, request)
    const body = untilCut(openBody(), lock.signal)
    try {
      await takeOver(store, upload, body, request)
    } finally {
      body.release()
    }
    const failure = body.failure()
    const appended = await presentUpload(store, upload, id)
    if (failure === undefined) await compactTail(store, appended)
    const finished = await finishIfLast(store, appended, request, failure !== undefined)
    if (failure !== undefined) throw failure
    return finished
  } finally {
    store.receiving.delete(id)
  }
}

async function refuseEarly(
  store: Pick<Storage, 'catalog' | 'options'>,
  upload: Upload,
  { from, length = 0, size = upload.size, isLast, precondition }: AppendRequest,
): Promise<void> {
  const { maxFileSize } = store.options
  const misfit = (code: ErrorCode, message: string) => new MisfitError(code, message, upload)
  if (upload.offset !== from) {
    throw misfit('offset_conflict', `The upload is at ${upload.offset}: continue from there.`)
  }
  if (upload.isFinished) {
    throw misfit('offset_conflict', 'The upload has become a file: nothing can be appended.')
  }
  if (upload.size !== undefined && size !== upload.size) {
    throw misfit('invalid_request', `The upload was announced with ${upload.size} bytes: keep to that.`)
  }
  if (size !== undefined && size > maxFileSize) throw misfit('too_large', tooLarge(maxFileSize).message)
  const most = size ?? maxFileSize
  if (from + length > most) throw misfit('too_large', `The upload may have ${most} bytes.`)
  // A partial upload takes no name, and for a complete one the catalog is about to decide.
  if (upload.isPartial || upload.offset === upload.size || isLast === false) return
  await checkCurrentFile(store, upload, upload.name, { ...keptPrecondition(upload), ...precondition })
}

async function takeOver(
  store: Storage & Transfer & OpenUploads & Counted,
  upload: Upload,
  body: CutBody,
  { checks, observers = [], size = upload.size }: AppendRequest,
): Promise<void> {
  const { id, offset } = upload
  const most = (size ?? store.options.maxFileSize) - offset
  const declareSize = async () => {
    if (size !== undefined && upload.size === undefined) await store.catalog.declareUploadSize(id, size)
  }
  if (checks.length === 0) {
    await declareSize()
    await receiveIntoUpload(store, { id, offset }, body.bytes, most, observers)
    return
  }
  await withStagingUpload(store, upload, async (stagingId) => {
    const staging = { id: stagingId, offset: 0 }
    await receiveIntoUpload(store, staging, body.bytes, most, [...checks, ...observers])
    if (body.failure() !== undefined) throw body.failure()
    for (const check of checks) check.verify()
    await declareSize()
    await store.catalog.appendUpload(id, offset, stagingId, newExpiry(store))
  })
}

async function finishIfLast(
  store: Storage & Counted,
  upload: Upload,
  { isLast, precondition }: AppendRequest,
  isCut: boolean,
): Promise<AppendedUpload> {
  // If the size decides, finish even if only the end of the body was lost: no client would send
  // more.
  if (isLast === undefined) return finishIfComplete(store, upload, precondition)
  if (!isLast || isCut) return { upload }
  const { id, offset, size = offset } = upload
  if (offset !== size) {
    const message = `The upload is to have ${size} bytes, and ends after ${offset}: send the rest.`
    throw new MisfitError('invalid_request', message, upload)
  }
  if (upload.size === undefined) await store.catalog.declareUploadSize(id, size)
  return finishIfComplete(store, { ...upload, size }, precondition)
}
