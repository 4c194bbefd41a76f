import type { FileId } from '../../model/file.ts'
import type { FileStore } from '../state/file-store.ts'

/** Deletes an upload because of an error that the client is to hear of first: if this fails, too, the upload expires. */
export async function discardUpload(store: FileStore, id: FileId): Promise<void> {
  try {
    await store.catalog.deleteUpload(id)
  } catch (error) {
    store.options.onBackgroundError(error, `deleting unfinished upload ${id}`)
  }
}
