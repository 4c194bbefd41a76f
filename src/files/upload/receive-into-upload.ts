import type { Readable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import type { Upload } from '../../model/upload.ts'
import { batchMap } from '../../rx/batch-map.ts'
import type { Counted, Storage, Transfer } from '../state/file-store.ts'
import { PendingParts, type StoredPart } from './pending-parts.ts'
import { storeChunks, type ByteObserver } from './store-chunks.ts'

/**
 * Appends bytes to an upload as they become durable. Rejects as `storeChunks` errors and as
 * `advanceUpload` does. When it settles, however it does, the offset no longer moves.
 */
export async function receiveIntoUpload(
  store: Storage & Transfer & Counted,
  target: Pick<Upload, 'id' | 'offset'>,
  bytes: Readable,
  maxBytes: number,
  observers: readonly ByteObserver[],
): Promise<void> {
  const pending = new PendingParts(store)
  let { offset } = target
  const advance = async (parts: readonly StoredPart[]) => {
    if (parts.length === 0) return
    const from = offset
    offset = await pending.handOver(parts, (uses) =>
      store.catalog.advanceUpload(target.id, from, uses, newExpiry(store)),
    )
  }
  let advancing = Promise.resolve()
  const advanceNext = (parts: readonly StoredPart[]) => {
    advancing = advance(parts)
    return advancing
  }
  const parts = storeChunks(store, bytes, observers, pending, { maxBytes })
  try {
    await lastValueFrom(parts.pipe(batchMap(() => true, advanceNext)), { defaultValue: undefined })
  } finally {
    pending.abandon()
    // Storing may have failed meanwhile: a later request for the offset must not see it move.
    await Promise.allSettled([advancing])
  }
}

/** When an upload expires that makes progress now. */
export function newExpiry({ options }: Pick<Storage, 'options'>): number {
  return Date.now() + options.uploadExpiryMs
}
