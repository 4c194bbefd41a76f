import type { Precondition } from '../../catalog/catalog.ts'
import { soleOwner, type FileRef } from '../../model/file.ts'
import type { FileStore } from '../state/file-store.ts'
import { endRecords } from './keep-records.ts'

/** Resolves once neither catalog nor records know of the file. Rejects what `Catalog.deleteFile` rejects. */
export async function deleteFile(store: FileStore, ref: FileRef, precondition?: Precondition): Promise<void> {
  await endRecords(store, await store.catalog.deleteFile(soleOwner, ref, precondition))
}
