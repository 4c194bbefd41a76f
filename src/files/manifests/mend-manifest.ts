import { damage } from '../../catalog/seals.ts'
import { isRefusal, isStoreError } from '../../model/errors.ts'
import type { KnownManifest } from './check-manifest.ts'
import type { FileStore } from '../state/file-store.ts'
import { discardRecord, endRecords, pagesOfChunks, putRecord, forgetPuts } from './keep-records.ts'

/**
 * Writes the manifest of a file anew from the catalog, and deletes what is left of the old one. Resolves with false if
 * somebody has changed or deleted the file meanwhile: then there is a newer manifest, or none is needed. It needs no
 * confirmation, whatever the file came with.
 */
export async function mendManifest(store: FileStore, { file, locations }: KnownManifest): Promise<boolean> {
  const { id, digest, size } = file
  const { file: written, record } = await putRecord(store, file, pagesOfChunks(store, id))
  // A chunk list that has lost its end must not become the manifest.
  if (written.digest !== digest || written.size !== size) {
    await discardRecord(store, record)
    throw damage(`the file ${id} has lost chunks`)
  }
  try {
    await store.catalog.replaceRecords(id, locations, record.locations)
  } catch (error) {
    if (isRefusal(error)) await discardRecord(store, record)
    if (isStoreError(error, 'record_moved')) return false
    throw error
  } finally {
    forgetPuts(store, record.locations)
  }
  await endRecords(store, locations)
  return true
}
