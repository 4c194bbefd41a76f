import type { CommittedFile, Precondition } from '../../catalog/catalog.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { Upload } from '../../model/upload.ts'
import type { FileStore } from '../state/file-store.ts'
import { finishWithRecords, type DescribedFile } from '../manifests/keep-records.ts'
import { keptPrecondition } from './kept-precondition.ts'
import { presentUpload } from './settled-upload.ts'

/** An upload after a request for it, and the file that it has become if that was the last one. */
export interface AppendedUpload {
  readonly upload: Upload
  readonly committed?: CommittedFile
}

/**
 * Makes the upload a file if it is at its size, does not wait to be joined, and is none yet. Takes as long for any size.
 * Of two that do so at once, one does. What the upload was created with must hold, too, where `precondition` does not demand
 * otherwise. Rejects `precondition_failed`: the upload stays as it is, and becomes a file only
 * when a request asks for that again, or not at all.
 */
export async function finishIfComplete(
  store: FileStore,
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
    const [committed] = await finishWithRecords(store, [finishing])
    if (!committed) throw new StoreError('internal', 'The catalog finished an upload without an answer.')
    return { upload: { ...upload, isFinished: true }, committed }
  } catch (error) {
    if (isStoreError(error, 'precondition_failed')) await store.catalog.declineUpload(id)
    if (!isStoreError(error, 'offset_conflict')) throw error
    const finished = await presentUpload(store, id)
    if (!finished.isFinished) throw error
    return { upload: finished }
  }
}

function describedNow({ id, owner, name, mediaType, metadata }: Upload): DescribedFile {
  const now = Date.now()
  return { id, owner, name, mediaType, metadata, createdAt: now, modifiedAt: now }
}
