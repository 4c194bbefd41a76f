import type { Readable } from 'node:stream'
import type { Caller } from '../../model/principal.ts'
import type { CommittedFile } from '../../catalog/catalog.ts'
import type { Draft } from './draft.ts'
import type { Counted, OpenUploads, Storage, Transfer } from '../state/file-store.ts'
import { finishWithManifests, type FinishingUpload } from '../manifests/keep-manifests.ts'
import type { StoredPart } from './pending-parts.ts'
import { receive, type UploadRequest } from './receive.ts'

/**
 * Uploads that become files together or not at all. End it with `commit`, or with `discard` if that
 * fails.
 */
export class UploadsTogether {
  readonly #store: Storage & Transfer & OpenUploads & Counted
  readonly #caller: Caller
  readonly #received: Promise<FinishingUpload>[] = []
  /** Open until the last of them is received, so that none expires before. */
  readonly #drafts: Draft[] = []

  constructor(store: Storage & Transfer & OpenUploads & Counted, caller: Caller) {
    this.#store = store
    this.#caller = caller
  }

  /**
   * Receives one more body; resolves when it is durable. Rejects as `receive` does; only `discard`
   * may follow then.
   */
  add(body: Readable, request: UploadRequest | Promise<UploadRequest>): Promise<FinishingUpload> {
    const received = this.#receive(body, request)
    this.#received.push(received)
    return received
  }

  async #receive(body: Readable, request: UploadRequest | Promise<UploadRequest>): Promise<FinishingUpload> {
    const finish = (draft: Draft, parts: readonly StoredPart[]) => {
      this.#drafts.push(draft)
      return draft.complete(parts)
    }
    return receive(this.#store, this.#caller, () => body, await request, { finish })
  }

  /**
   * Turns all into files in one transaction, in the order in which they were added. Rejects if one
   * of them could not be received.
   */
  async commit(): Promise<readonly CommittedFile[]> {
    const uploads = await Promise.all(this.#received)
    const committed = await finishWithManifests(this.#store, uploads)
    for (const draft of this.#drafts) draft.close()
    return committed
  }

  /** Waits until none is being received, and deletes all of them. */
  async discard(): Promise<void> {
    await Promise.allSettled(this.#received)
    for (const draft of this.#drafts) {
      await draft.discard()
      draft.close()
    }
  }
}
