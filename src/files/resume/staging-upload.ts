import { randomUUIDv7 } from 'node:crypto'
import type { FileId, Space } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import { deleteUpload } from './finish-upload.ts'
import type { OpenUploads, Storage } from '../state/file-store.ts'
import { newExpiry } from '../upload/receive-into-upload.ts'

/** The space of staging uploads: nobody lists it, and no request can name what is in it. */
const nobody = 'nobody' as Space

/**
 * Lends an upload that nobody else knows, to receive bytes that may turn out to be wrong. If
 * `receive` rejects, the upload is deleted.
 */
export async function withStagingUpload(
  store: Storage & OpenUploads,
  { name, mediaType }: Upload,
  receive: (id: FileId) => Promise<void>,
): Promise<void> {
  const id = randomUUIDv7() as FileId
  const staging = {
    id,
    space: nobody,
    name,
    mediaType,
    metadata: {},
    isPartial: true,
    expiresAt: newExpiry(store),
  }
  await store.catalog.createUpload(staging)
  store.receiving.add(id)
  try {
    await receive(id)
  } catch (error) {
    await deleteUpload(store, id)
    throw error
  } finally {
    store.receiving.delete(id)
  }
}
