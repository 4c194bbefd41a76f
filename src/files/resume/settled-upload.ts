import { StoreError } from '../../model/errors.ts'
import { soleOwner, type FileId } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { FileStore } from '../state/file-store.ts'

/** The upload, finished or not, after a request that appends to it has been ended. Rejects `not_found`. */
export async function settledUpload(store: FileStore, id: FileId): Promise<Upload> {
  await store.turns.settle(id)
  return presentUpload(store, id)
}

/** The upload, finished or not, as it is at the moment. Rejects `not_found`. */
export async function presentUpload(store: FileStore, id: FileId): Promise<Upload> {
  const upload = await store.catalog.findUpload(soleOwner, id)
  if (!upload) throw new StoreError('not_found', 'There is no such upload: it was deleted or has expired.')
  return upload
}
