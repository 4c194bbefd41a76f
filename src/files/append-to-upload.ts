import { randomUUIDv7 } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Precondition } from '../catalog/catalog.ts'
import { StoreError } from '../model/errors.ts'
import type { FileId, Owner } from '../model/file.ts'
import type { Upload } from '../model/upload.ts'
import { checkCurrentFile } from './check-current-file.ts'
import { discardUpload } from './discard-upload.ts'
import type { FileStore } from './file-store.ts'
import { finishIfComplete, type AppendedUpload } from './finish-upload.ts'
import type { BodyCheck } from './receive.ts'
import { newExpiry, receiveIntoUpload } from './receive-into-upload.ts'
import { recutCrumbs } from './recut-crumbs.ts'
import { salvaged, type Salvaged } from './salvaged.ts'
import { presentUpload } from './settled-upload.ts'
import { tooLarge } from './store-chunks.ts'

export interface AppendRequest {
  /** Where the client continues: it must be the upload's offset. */
  readonly from: number
  /** Bytes of the body, if the client said so. */
  readonly length?: number
  /** Bytes of the whole file, if the client says so now; it cannot say otherwise later. */
  readonly size?: number
  /** With any of them the body, and `size`, count only as a whole, and if all of them hold. */
  readonly checks: readonly BodyCheck[]
  /** Must hold of the name's current file before the body is asked for, and again when the upload becomes a file. */
  readonly precondition?: Precondition
}

/**
 * Receives a body at the end of an upload. Bytes that arrive count as soon as they are durable, also of a body that
 * breaks off, except where `checks` are to hold. An upload that is at its size becomes a file. The body is asked for when
 * nothing that is known before it speaks against it. Rejects `not_found`, `offset_conflict` (also while another
 * request appends), `invalid_request` if another size was said before, `too_large` past the size, `precondition_failed`,
 * what a check throws, and, once all that arrived is durable, what the body failed with; from then on nothing changes
 * the upload.
 */
export async function appendToUpload(
  store: FileStore,
  id: FileId,
  openBody: () => Readable,
  request: AppendRequest,
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
    await refuseEarly(store, upload, request)
    const body = salvaged(openBody(), turn.signal)
    try {
      await takeOver(store, upload, body, request)
    } finally {
      body.letGo()
    }
    const failure = body.failure()
    const appended = await presentUpload(store, id)
    if (failure === undefined) await recutCrumbs(store, appended)
    // Also where only the end of the body got lost: nobody would send anything more.
    const finished = await finishIfComplete(store, appended, request.precondition)
    if (failure !== undefined) throw failure
    return finished
  } finally {
    store.receiving.delete(id)
    turn.end()
  }
}

async function refuseEarly(
  store: FileStore,
  upload: Upload,
  { from, length = 0, size = upload.size, precondition }: AppendRequest,
): Promise<void> {
  const { options } = store
  if (upload.offset !== from) {
    throw new StoreError('offset_conflict', `The upload is at ${upload.offset}: continue from there.`)
  }
  if (upload.isFinished) {
    throw new StoreError('offset_conflict', 'The upload is a file by now: nothing can be appended.')
  }
  if (upload.size !== undefined && size !== upload.size) {
    throw new StoreError(
      'invalid_request',
      `The upload was announced with ${upload.size} bytes: keep to that.`,
    )
  }
  if (size !== undefined && size > options.maxFileSize) throw tooLarge(options.maxFileSize)
  const most = size ?? options.maxFileSize
  if (from + length > most) throw new StoreError('too_large', `The upload may have ${most} bytes.`)
  // One that has to be joined takes nobody's place, and of one that is whole the catalog is about to decide.
  if (upload.isPartial || upload.offset === upload.size) return
  await checkCurrentFile(store, upload.name, precondition)
}

async function takeOver(
  store: FileStore,
  upload: Upload,
  body: Salvaged,
  { checks, size = upload.size }: AppendRequest,
): Promise<void> {
  const { id, offset } = upload
  const most = (size ?? store.options.maxFileSize) - offset
  const declareSize = async () => {
    if (size !== undefined && upload.size === undefined) await store.catalog.declareUploadSize(id, size)
  }
  if (checks.length === 0) {
    await declareSize()
    await receiveIntoUpload(store, { id, offset }, body.bytes, most, [])
    return
  }
  await onTheSide(store, upload, async (sideId) => {
    await receiveIntoUpload(store, { id: sideId, offset: 0 }, body.bytes, most, checks)
    if (body.failure() !== undefined) throw body.failure()
    for (const check of checks) check.verify()
    await declareSize()
    await store.catalog.appendUpload(id, offset, sideId, newExpiry(store))
  })
}

/** Of what is received on the side: it is in nobody's list, and no request can name it. */
const nobody = 'nobody' as Owner

/** Lends an upload that nobody knows, to receive what may turn out to be wrong. */
async function onTheSide(
  store: FileStore,
  { name, mediaType }: Upload,
  receive: (id: FileId) => Promise<void>,
): Promise<void> {
  const id = randomUUIDv7() as FileId
  const side = {
    id,
    owner: nobody,
    name,
    mediaType,
    metadata: {},
    isPartial: true,
    expiresAt: newExpiry(store),
  }
  await store.catalog.createUpload(side)
  store.receiving.add(id)
  try {
    await receive(id)
  } catch (error) {
    await discardUpload(store, id)
    throw error
  } finally {
    store.receiving.delete(id)
  }
}
