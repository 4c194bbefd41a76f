import type { CommittedFile } from '../catalog/catalog.ts'
import { FileHasher, type Digest } from '../model/digest.ts'
import { isStoreError, StoreError } from '../model/errors.ts'
import type { Upload } from '../model/upload.ts'
import type { FileStore } from './file-store.ts'
import { presentUpload } from './settled-upload.ts'

/** An upload after a request for it, and the file that it has become if that was the last one. */
export interface AppendedUpload {
  readonly upload: Upload
  readonly committed?: CommittedFile
}

/**
 * Makes the upload a file if it is at its size, does not wait to be joined, and is none yet. Takes as long for any size.
 * Of two that do so at once, one does.
 */
export async function finishIfComplete(store: FileStore, upload: Upload): Promise<AppendedUpload> {
  const { id } = upload
  if (upload.isPartial || upload.isFinished || upload.offset !== upload.size) return { upload }
  const digest = await digestOfUpload(store, upload)
  try {
    const [committed] = await store.catalog.finishUploads([{ id, digest, isRemembered: true }])
    if (!committed) throw new StoreError('internal', 'The catalog finished an upload without an answer.')
    return { upload: { ...upload, isFinished: true }, committed }
  } catch (error) {
    if (!isStoreError(error, 'offset_conflict')) throw error
    const finished = await presentUpload(store, id)
    if (!finished.isFinished) throw error
    return { upload: finished }
  }
}

async function digestOfUpload(store: FileStore, { id, offset }: Upload): Promise<Digest> {
  const hasher = new FileHasher()
  for (let at = 0; at < offset;) {
    const chunks = await store.catalog.listChunks(id, at, chunksPerPage)
    for (const { digest, size } of chunks) {
      hasher.add(digest)
      at += size
    }
    if (chunks.length === 0) throw new StoreError('corrupt', `Upload ${id} has no chunk for byte ${at}.`)
  }
  return hasher.digest()
}

const chunksPerPage = 1024
