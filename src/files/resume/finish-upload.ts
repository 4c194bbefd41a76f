import type { CommittedFile, Precondition } from '../../catalog/catalog.ts'
import type { Caller } from '../../model/principal.ts'
import { StoreError, isStoreError } from '../../model/errors.ts'
import type { Upload } from '../../model/upload.ts'
import type { Counted, OpenUploads, Storage } from '../state/file-store.ts'
import { type DescribedFile, finishWithManifests } from '../manifests/keep-manifests.ts'
import { keptPrecondition } from './kept-precondition.ts'
import type { FileId } from '../../model/file.ts'

/** An upload after a request for it, and the file that it has become if that was the last one. */
export interface AppendedUpload {
  readonly upload: Upload
  readonly committed?: CommittedFile
}

/**
 * Makes the upload a file if it is at its size, does not wait to be concatenated, and is none yet.
 * Takes as long for any size. Of two that do so at once, one does. What the upload was created with
 * must hold, too, where `precondition` does not demand otherwise. Rejects `precondition_failed`:
 * the upload stays as it is, and becomes a file only when a request asks for that again, or not at
 * all.
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
 * The upload, finished or not, after a request that appends to it has been ended. Rejects
 * `not_found`.
 */
export async function takeOverUpload(
  store: Storage & OpenUploads,
  { space }: Caller,
  id: FileId,
): Promise<Upload> {
  await store.uploadLocks.interrupt(space, id)
  return presentUpload(store, { space }, id)
}

/** The upload, finished or not, as it is at the moment. Rejects `not_found`. */
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
 * Deletes an upload because of an error that the client is to hear of first: if this fails, too,
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
 * For who only asks how far an upload is: one that is at its size, and is no file because the
 * server stopped in between, becomes one. One that a precondition declined, earlier or now, stays
 * as it is. Resolves with the upload as it is then.
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
