import type { Readable } from 'node:stream'
import type { Precondition } from '../../catalog/catalog.ts'
import { checkCurrentFile } from '../../files/check-current-file.ts'
import { discardUpload } from '../../files/discard-upload.ts'
import type { FileStore } from '../../files/file-store.ts'
import { finishIfComplete, type AppendedUpload } from '../../files/finish-upload.ts'
import type { BodyCheck } from '../../files/receive.ts'
import { newExpiry, receiveIntoUpload } from '../../files/receive-into-upload.ts'
import { recutCrumbs } from '../../files/recut-crumbs.ts'
import { salvaged, type Salvaged } from '../../files/salvaged.ts'
import { presentUpload } from '../../files/settled-upload.ts'
import { tooLarge, type ByteObserver } from '../../files/store-chunks.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import { newUploadId } from '../tus/tus-route.ts'
import { preconditionOf } from './initial-request.ts'
import { completedUpload, inconsistentLength, mismatchingOffset } from './problems.ts'

export interface Part {
  /** Where the client continues: it must be the upload's offset. */
  readonly from: number
  /** Bytes of the body, if the client said so. */
  readonly length: number | undefined
  /** Bytes of the whole file, if the client said so. */
  readonly size: number | undefined
  /** The file ends where the body does. */
  readonly isLast: boolean
  /** With any of them the body, and `size`, count only as a whole, and if all of them hold. */
  readonly checks: readonly BodyCheck[]
  /** Must hold of the name's current file when the upload becomes one, beside what the request that created it demands. */
  readonly precondition: Precondition
}

/**
 * Receives a body at the end of an upload, as `appendToUpload` does, with the difference that not the size says what the last part is, but the
 * client: after that, and if all of it came, the upload becomes a file, if what the request that created it demands holds
 * then. Rejects as `appendToUpload` and `finishIfComplete` do, with the problem types of the draft. An upload that was given more than its size is gone.
 */
export async function receivePart(
  store: FileStore,
  id: FileId,
  openBody: () => Readable,
  part: Part,
  observer: ByteObserver,
): Promise<AppendedUpload> {
  const turn = store.turns.take(id)
  if (!turn) {
    throw new StoreError(
      'offset_conflict',
      'Another request appends to the upload: ask for its offset, which ends that one, and continue from there.',
    )
  }
  store.receiving.add(id)
  try {
    const upload = await presentUpload(store, id)
    refuseEarly(store, upload, part)
    const precondition = { ...preconditionOf(upload), ...part.precondition }
    if (part.isLast) await checkCurrentFile(store, upload.name, precondition)
    const body = salvaged(openBody(), turn.signal)
    try {
      if (part.checks.length === 0) await takeIn(store, upload, body, part, observer)
      else await takeInWhole(store, upload, body, part)
    } finally {
      body.letGo()
    }
    const failure = body.failure()
    if (failure !== undefined) throw failure
    const appended = await presentUpload(store, id)
    await recutCrumbs(store, appended)
    if (!part.isLast) return { upload: appended }
    return await finishIfComplete(store, await atItsSize(store, appended), precondition)
  } finally {
    store.receiving.delete(id)
    turn.end()
  }
}

function refuseEarly({ options }: FileStore, upload: Upload, { from, length, size }: Part): void {
  if (upload.isPartial) throw new StoreError('forbidden', 'This upload is there to be joined, with tus.')
  // "If the Upload-Offset request header field value does not match the current offset, the upload resource MUST reject the
  // request with a 409 (Conflict) status code."
  if (upload.offset !== from) throw mismatchingOffset(upload.offset, from)
  // "If the upload is already complete, the server MUST NOT modify the upload resource and MUST reject the request. … If the
  // client attempted to append a non-zero length document, the server MUST treat this as an inconsistent length failure."
  if (upload.isFinished) {
    throw length === 0
      ? completedUpload()
      : inconsistentLength('The upload is a file by now, of this length.')
  }
  // "If multiple requests include indicators, their indicated values MUST match."
  const known = upload.size ?? size
  if (size !== undefined && size !== known)
    throw inconsistentLength(`The upload was announced with ${known} bytes, not ${size}.`)
  if ((known ?? from + (length ?? 0)) > options.maxFileSize) throw tooLarge(options.maxFileSize)
  if (known !== undefined && from + (length ?? 0) > known)
    throw inconsistentLength(
      `The upload is to have ${known} bytes: this would make it ${from + (length ?? 0)}.`,
    )
}

async function takeIn(
  store: FileStore,
  upload: Upload,
  body: Salvaged,
  part: Part,
  observer: ByteObserver,
): Promise<void> {
  await recordSize(store, upload, part)
  const { size = upload.size } = part
  const most = (size ?? store.options.maxFileSize) - upload.offset
  try {
    await receiveIntoUpload(store, upload, body.bytes, most, [observer])
  } catch (error) {
    if (!isStoreError(error, 'too_large')) throw error
    // "the server MUST prevent the offset from exceeding the upload length by rejecting the request once the offset exceeds
    // the length, marking the upload resource invalid and rejecting any further interaction with it."
    await discardUpload(store, upload.id)
    throw size === undefined
      ? error
      : inconsistentLength(`More came than the ${size} bytes of the upload: begin again.`)
  }
}

/** "If the digests don't match the server SHOULD consider the transfer failed, not append the content to the upload resource". */
async function takeInWhole(store: FileStore, upload: Upload, body: Salvaged, part: Part): Promise<void> {
  const { id, owner, name, mediaType, offset } = upload
  const { size = upload.size ?? store.options.maxFileSize, checks } = part
  const side = { id: newUploadId(), owner, name, mediaType, metadata: {}, isPartial: true }
  await store.catalog.createUpload({ ...side, expiresAt: newExpiry(store) })
  store.receiving.add(side.id)
  try {
    await receiveIntoUpload(store, { id: side.id, offset: 0 }, body.bytes, size - offset, checks)
    if (body.failure() !== undefined) throw body.failure()
    for (const check of checks) check.verify()
    await recordSize(store, upload, part)
    await store.catalog.appendUpload(id, offset, side.id, newExpiry(store))
  } catch (error) {
    await discardUpload(store, side.id)
    throw error
  } finally {
    store.receiving.delete(side.id)
  }
}

/** "The server MUST record the length … if the Upload-Length or Upload-Complete header fields are included in the request." */
async function recordSize({ catalog }: FileStore, upload: Upload, { size }: Part): Promise<void> {
  if (size !== undefined && upload.size === undefined) await catalog.declareUploadSize(upload.id, size)
}

/** The end of the last body is the end of the file, which must be where it was said to be. */
async function atItsSize({ catalog }: FileStore, upload: Upload): Promise<Upload> {
  const { id, offset, size = offset } = upload
  if (offset !== size)
    throw inconsistentLength(`The upload is to have ${size} bytes, and ends after ${offset}: send the rest.`)
  if (upload.size === undefined) await catalog.declareUploadSize(id, size)
  return { ...upload, size }
}
