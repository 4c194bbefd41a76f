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
  /** Where the client continues: it must be the upload's offset. */
  readonly from: number
  /** Bytes of the body, if the client said so. */
  readonly length?: number
  /** Bytes of the whole file, if the client says so now; it cannot say otherwise later. */
  readonly size?: number
  /**
   * Whether the file ends where this body does, if it comes whole. Without this the file is
   * complete when it has its size.
   */
  readonly isLast?: boolean
  /** With any of them the body, and `size`, count only as a whole, and if all of them hold. */
  readonly checks: readonly BodyCheck[]
  readonly observers?: readonly ByteObserver[]
  /**
   * Must hold of the name's current file before the body is asked for, and again when the upload
   * becomes a file, beside what the upload was created with.
   */
  readonly precondition?: Precondition
}

/** The request does not fit the upload, which it leaves as it is here. */
export class MisfitError extends StoreError {
  readonly upload: Upload

  constructor(code: ErrorCode, message: string, upload: Upload) {
    super(code, message)
    this.upload = upload
  }
}

/**
 * Receives a body at the end of an upload. Bytes that arrive count as soon as they are durable,
 * also of a body that breaks off, except where `checks` are to hold. An upload that is complete
 * becomes a file. The body is asked for when nothing that is known before it speaks against it.
 * Rejects `not_found`, `offset_conflict` while another request appends, with a `MisfitError`
 * `offset_conflict`, `invalid_request` if another size was said before or the last body ends
 * elsewhere, and `too_large` if it is to go past the size; `too_large` once it has,
 * `precondition_failed`, what a check throws, and, once all that arrived is durable, what the body
 * failed with; from then on nothing changes the upload.
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
      'Another request appends to the upload: ask for its offset, which ends that one, and continue from there.',
    )
  }
  try {
    // Looked up first: nobody may protect, or stop protecting, an upload of another space.
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
    throw misfit('offset_conflict', 'The upload is a file by now: nothing can be appended.')
  }
  if (upload.size !== undefined && size !== upload.size) {
    throw misfit('invalid_request', `The upload was announced with ${upload.size} bytes: keep to that.`)
  }
  if (size !== undefined && size > maxFileSize) throw misfit('too_large', tooLarge(maxFileSize).message)
  const most = size ?? maxFileSize
  if (from + length > most) throw misfit('too_large', `The upload may have ${most} bytes.`)
  // One that has to be concatenated takes nobody's place, and of one that is whole the catalog is
  // about to decide.
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
  // Where the size decides, also if only the end of the body got lost: nobody would send anything
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
