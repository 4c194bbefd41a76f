import { damage } from '../../catalog/seals.ts'
import { isRefusal, isStoreError } from '../../model/errors.ts'
import type { KnownManifest } from './check-manifest.ts'
import type { Counted, Storage } from '../state/file-store.ts'
import {
  deleteManifest,
  deleteManifestPages,
  pagesOfChunks,
  putManifest,
  forgetPuts,
} from './keep-manifests.ts'

/**
 * Rewrites the manifest of a file from the catalog, and deletes what is left of the old one.
 * Resolves with false if the file was changed or deleted meanwhile: then there is a newer manifest,
 * or none is needed. The new one needs no confirmation, even if the file was stored together with
 * others.
 */
export async function mendManifest(
  store: Storage & Counted,
  { file, locations }: KnownManifest,
): Promise<boolean> {
  const { id, digest, size } = file
  const { file: written, manifest } = await putManifest(store, file, pagesOfChunks(store, id))
  // A chunk list that lost its end must not become the manifest.
  if (written.digest !== digest || written.size !== size) {
    await deleteManifest(store, manifest)
    throw damage(`the file ${id} has lost chunks`)
  }
  try {
    await store.catalog.replaceManifests(id, locations, manifest.locations)
  } catch (error) {
    if (isRefusal(error)) await deleteManifest(store, manifest)
    if (isStoreError(error, 'manifest_moved')) return false
    throw error
  } finally {
    forgetPuts(store, manifest.locations)
  }
  await deleteManifestPages(store, locations)
  return true
}
