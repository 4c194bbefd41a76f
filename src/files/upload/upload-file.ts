import type { Readable } from 'node:stream'
import type { Caller } from '../../model/principal.ts'
import type { CommittedFile } from '../../catalog/catalog.ts'
import { StoreError } from '../../model/errors.ts'
import type { Counted, OpenUploads, Storage, Transfer } from '../state/file-store.ts'
import { finishWithManifests } from '../manifests/keep-manifests.ts'
import { receive, type UploadRequest } from './receive.ts'

/**
 * Receives a body and stores it under a name as a whole file. It replaces the old file in one step;
 * if anything goes wrong, the old file stays. Resolves when all of it would survive a power cut.
 * Rejects as `receive` does.
 */
export async function uploadFile(
  store: Storage & Transfer & OpenUploads & Counted,
  caller: Caller,
  openBody: () => Readable,
  request: UploadRequest,
): Promise<CommittedFile> {
  return receive(store, caller, openBody, request, {
    onReceived: (draft) => draft.beginManifest(),
    finish: async (draft, parts) => {
      if (!draft.isInCatalog) return draft.create(parts)
      const [committed] = await finishWithManifests(store, [await draft.complete(parts)])
      if (!committed) throw new StoreError('internal', 'The catalog finished an upload without an answer.')
      draft.close()
      return committed
    },
  })
}
