import type { FileChanges, Precondition } from '../../catalog/catalog.ts'
import type { Caller } from '../../model/principal.ts'
import type { Location } from '../../model/chunk.ts'
import { StoreError, isRefusal, isStoreError } from '../../model/errors.ts'
import type { FileRef, StoredFile } from '../../model/file.ts'
import type { Counted, Storage } from '../state/file-store.ts'
import {
  chunksPerManifest,
  deleteManifest,
  deleteManifestPages,
  putFirstPage,
  forgetPuts,
} from './keep-manifests.ts'

/**
 * The changes, or how they follow from the present file; called again if another change was faster.
 */
export type Changes = FileChanges | ((file: StoredFile) => FileChanges)

/**
 * Changes a file's name or description, in its manifest, too. Rejects what `Catalog.updateFile`
 * rejects.
 */
export async function updateFile(
  store: Storage & Counted,
  { space }: Caller,
  ref: FileRef,
  changes: Changes,
  precondition?: Precondition,
): Promise<StoredFile> {
  for (;;) {
    const found = await store.catalog.findFile(space, ref)
    if (!found) throw new StoreError('not_found', 'There is no such file.')
    const [from] = await store.catalog.listManifestPages(found.id)
    // Read the file after its manifest: if it were older, this change would undo another one.
    const current = await store.catalog.findFile(space, { id: found.id })
    if (!current) continue
    try {
      const now = typeof changes === 'function' ? changes(current) : changes
      return await changeWithManifest(store, current, from, now, precondition)
    } catch (error) {
      if (!isStoreError(error, 'manifest_moved') && !isStoreError(error, 'not_found')) throw error
      // Another change was faster: the name may now belong to another content.
    }
  }
}

async function changeWithManifest(
  store: Storage & Counted,
  current: StoredFile,
  from: Location | undefined,
  changes: FileChanges,
  precondition: Precondition | undefined,
): Promise<StoredFile> {
  const { catalog } = store
  const { id } = current
  // With the same time, the new manifest could not be told from the old one.
  const at = Math.max(Date.now(), current.modifiedAt + 1)
  const changed = { ...current, ...changes, modifiedAt: at }
  const firstPage = await catalog.packChunks(id, 0, chunksPerManifest)
  const to = await putFirstPage(store, changed, firstPage)
  try {
    // By its id: the name may belong to another file by now.
    const file = await catalog.updateFile(current.space, { id }, changes, precondition, { at, from, to })
    if (from !== undefined) await deleteManifestPages(store, [from])
    return file
  } catch (error) {
    if (isRefusal(error)) await deleteManifest(store, { at, locations: [to] })
    throw error
  } finally {
    forgetPuts(store, [to])
  }
}

/**
 * Resolves once neither the catalog nor a manifest knows the file. Rejects what
 * `Catalog.deleteFile` rejects.
 */
export async function deleteFile(
  store: Pick<Storage, 'catalog' | 'manifests'>,
  { space }: Pick<Caller, 'space'>,
  ref: FileRef,
  precondition?: Precondition,
): Promise<void> {
  await deleteManifestPages(store, await store.catalog.deleteFile(space, ref, precondition))
}
