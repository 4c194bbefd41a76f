import type { Precondition } from '../../catalog/catalog.ts'
import { isStoreError } from '../../model/errors.ts'
import type { Upload } from '../../model/upload.ts'
import type { FileStore } from '../state/file-store.ts'
import { finishIfComplete } from './finish-upload.ts'

/**
 * For who only asks how far an upload is: one that is at its size, and is no file because the server stopped in between, becomes
 * one. One that a precondition declined, earlier or now, stays as it is. Resolves with the upload as it is then.
 */
export async function finishIfLeftOver(
  store: FileStore,
  upload: Upload,
  precondition: Precondition,
): Promise<Upload> {
  if (upload.isDeclined) return upload
  try {
    return (await finishIfComplete(store, upload, precondition)).upload
  } catch (error) {
    if (!isStoreError(error, 'precondition_failed')) throw error
    return upload
  }
}
