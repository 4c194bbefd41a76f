import type { Readable } from 'node:stream'
import type { CommittedFile, FinishedUpload } from '../catalog/catalog.ts'
import type { FileStore } from './file-store.ts'
import { receive, type UploadRequest } from './receive.ts'

/** Uploads that become files together or not at all. Exactly one of `commit` and `discard` ends it. */
export class UploadsTogether {
  readonly #store: FileStore
  readonly #received: Promise<FinishedUpload>[] = []

  constructor(store: FileStore) {
    this.#store = store
  }

  /** Receives one more body; resolves when it is durable. Rejects as `receive` does: then only `discard` is left. */
  add(body: Readable, request: UploadRequest): Promise<FinishedUpload> {
    const received = receive(
      this.#store,
      () => body,
      request,
      (draft, parts) => draft.complete(parts),
    )
    this.#received.push(received)
    return received
  }

  /** All become files in one transaction, in the order in which they were added. Rejects if one of them could not be received. */
  async commit(): Promise<readonly CommittedFile[]> {
    const uploads = await Promise.all(this.#received)
    return this.#store.catalog.finishUploads(uploads)
  }

  /** Waits until none is being received any more, and deletes those that were. */
  async discard(): Promise<void> {
    for (const result of await Promise.allSettled(this.#received)) {
      if (result.status === 'fulfilled') await this.#store.catalog.deleteUpload(result.value.id)
    }
  }
}
