import { isRefusal } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import { deleteFile } from '../manifests/update-file.ts'
import type { Counted, Storage } from '../state/file-store.ts'
import {
  chunksPerManifest,
  deleteManifest,
  deleteManifestPages,
  putFirstPage,
  forgetPuts,
} from '../manifests/keep-manifests.ts'

/**
 * Takes over the name, description and time of a file in another store if it was changed there
 * later. Deletes another file that has the name. Resolves with whether anything changed. Rejects
 * what `Catalog.updateFile` rejects.
 */
export async function followChanges(
  store: Storage & Counted,
  present: StoredFile,
  changed: StoredFile,
): Promise<boolean> {
  const { catalog } = store
  const { id, space, name, mediaType, metadata, modifiedAt: at } = changed
  if (at <= present.modifiedAt) return false
  const namesake = await catalog.findFile(space, { name })
  if (namesake && namesake.id !== id) await deleteFile(store, namesake, { id: namesake.id })
  const [from] = await catalog.listManifestPages(id)
  const to = await putFirstPage(store, changed, await catalog.packChunks(id, 0, chunksPerManifest))
  try {
    await catalog.updateFile(space, { id }, { name, mediaType, metadata }, undefined, { at, from, to })
    if (from !== undefined) await deleteManifestPages(store, [from])
    return true
  } catch (error) {
    if (isRefusal(error)) await deleteManifest(store, { at, locations: [to] })
    throw error
  } finally {
    forgetPuts(store, [to])
  }
}
