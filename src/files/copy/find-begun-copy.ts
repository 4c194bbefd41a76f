import { randomUUIDv7 } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { StoreError } from '../../model/errors.ts'
import type { FileId, StoredFile } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { Storage } from '../state/file-store.ts'
import { newExpiry } from '../upload/receive-into-upload.ts'

/**
 * The upload that an interrupted copy of the file has left, described as the file is now. Rejects
 * `precondition_failed` while an unlinked file with that id waits for collection: its chunk list is
 * in the way.
 */
export async function findBegunCopy(
  store: Pick<Storage, 'catalog' | 'options'>,
  file: StoredFile,
): Promise<Upload | undefined> {
  const { catalog } = store
  const { id } = file
  const upload = await catalog.findUpload(file.space, id)
  if (upload && !upload.isFinished) return isOf(file, upload) ? upload : describeAnew(store, file)
  // It is only remembered: its file is gone.
  if (upload) await catalog.deleteUpload(id)
  const [left] = await catalog.listChunks(id, 0, 1)
  if (!left) return undefined
  throw new StoreError(
    'precondition_failed',
    'The target unlinked this file a short while ago: run it again after a server, or ashlar gc, has collected it.',
  )
}

function isOf({ name, mediaType, metadata }: StoredFile, upload: Upload): boolean {
  return (
    upload.name === name && upload.mediaType === mediaType && isDeepStrictEqual(upload.metadata, metadata)
  )
}

/**
 * Makes the upload anew with the file's present description. An upload cannot be changed, but
 * another one can take its chunks and give them back.
 */
async function describeAnew(store: Pick<Storage, 'catalog' | 'options'>, file: StoredFile): Promise<Upload> {
  const { catalog } = store
  const expiresAt = newExpiry(store)
  const aside = { ...file, id: randomUUIDv7() as FileId, expiresAt }
  await catalog.createUpload(aside)
  await catalog.appendUpload(aside.id, 0, file.id, expiresAt)
  const anew = await catalog.createUpload({ ...file, expiresAt })
  const offset = await catalog.appendUpload(file.id, 0, aside.id, expiresAt)
  return { ...anew, offset }
}
