import type { CommittedFile, Precondition } from '../../catalog/catalog.ts'
import type { Caller } from '../../model/principal.ts'
import { StoreError, isStoreError } from '../../model/errors.ts'
import type { Upload } from '../../model/upload.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { type DescribedFile, finishWithManifests } from '../manifests/keep-manifests.ts'
import { keptPrecondition } from './kept-precondition.ts'
import type { FileId } from '../../model/file.ts'

/** An upload after a request, and the file that it became if that was the last request. */
export interface AppendedUpload {
  readonly upload: Upload
  readonly committed?: CommittedFile
}

/**
 * Turns an upload into a file if it has its size, is not partial, and is not a file yet. The time
 * does not depend on its size but on its number of chunks. Of two concurrent calls, one does it.
 * The precondition that the upload was created with must hold, too, unless `precondition` says
 * otherwise. Rejects `precondition_failed`: the upload stays as it is and becomes a file only when
 * a request asks again.
 */
export async function finishIfComplete(
  store: Storage & Counted,
  upload: Upload,
  precondition?: Precondition,
): Promise<AppendedUpload> {
  const { id } = upload
  if (upload.isPartial || upload.isFinished || upload.offset !== upload.size) return { upload }
  try {
    const finishing = {
      file: describedNow(upload),
      isRemembered: true,
      precondition: { ...keptPrecondition(upload), ...precondition },
    }
    const [committed] = await finishWithManifests(store, [finishing])
    if (!committed) throw new StoreError('internal', 'The catalog finished an upload without an answer.')
    return { upload: { ...upload, isFinished: true }, committed }
  } catch (error) {
    if (isStoreError(error, 'precondition_failed')) await store.catalog.markPreconditionFailed(id)
    if (!isStoreError(error, 'offset_conflict')) throw error
    const finished = await presentUpload(store, upload, id)
    if (!finished.isFinished) throw error
    return { upload: finished }
  }
}

function describedNow({ id, space, name, mediaType, metadata }: Upload): DescribedFile {
  const now = Date.now()
  return { id, space, name, mediaType, metadata, createdAt: now, modifiedAt: now }
}

/**
 * Interrupts a request that appends to the upload, and resolves with the upload, finished or not.
 * Rejects `not_found`.
 */
export async function takeOverUpload(
  store: Storage & OpenUploads,
  { space }: Caller,
  id: FileId,
): Promise<Upload> {
  await store.uploadLocks.interrupt(space, id)
  return presentUpload(store, { space }, id)
}

/** The upload at this moment, finished or not. Rejects `not_found`. */
export async function presentUpload(
  store: Pick<Storage, 'catalog'>,
  { space }: Pick<Caller, 'space'>,
  id: FileId,
): Promise<Upload> {
  const upload = await store.catalog.findUpload(space, id)
  if (!upload) throw new StoreError('not_found', 'There is no such upload: it was deleted or has expired.')
  return upload
}

/**
 * Deletes an upload after another error, which the client must hear of: if the deletion fails, too,
 * the upload expires.
 */
export async function deleteUpload(store: Pick<Storage, 'catalog' | 'options'>, id: FileId): Promise<void> {
  try {
    await store.catalog.deleteUpload(id)
  } catch (error) {
    store.options.onBackgroundError(error, `deleting unfinished upload ${id}`)
  }
}

/**
 * Also turns a complete upload into a file if a crash left it unfinished. An upload whose
 * precondition has failed, before or now, stays as it is. Resolves with the upload afterwards.
 */
export async function finishIfLeftOver(
  store: Storage & Counted,
  upload: Upload,
  precondition: Precondition,
): Promise<Upload> {
  if (upload.hasFailedPrecondition) return upload
  try {
    return (await finishIfComplete(store, upload, precondition)).upload
  } catch (error) {
    if (!isStoreError(error, 'precondition_failed')) throw error
    return upload
  }
}
