import type { Readable } from 'node:stream'
import type { Caller } from '../../model/principal.ts'
import { lastValueFrom } from 'rxjs'
import type { ChunkUse } from '../../catalog/catalog.ts'
import { batchMap } from '../../rx/batch-map.ts'
import { checkCurrentFile, refuseWithoutSpace } from './preflight.ts'
import { Draft, partsPerCommit, type FileRequest } from './draft.ts'
import type { Counted, OpenUploads, Storage, Transfer } from '../state/file-store.ts'
import { PendingParts, type StoredPart } from './pending-parts.ts'
import { storeChunks, tooLarge, type ByteObserver } from './store-chunks.ts'

/** A claim of the client about the body, such as a digest. */
export interface BodyCheck extends ByteObserver {
  /** Called after the last byte. Throws if the claim does not hold. */
  verify(): void
}

export interface UploadRequest extends FileRequest {
  /** Bytes, if the client said so. */
  readonly size?: number
  readonly checks?: readonly BodyCheck[]
}

/** What to do with a draft. */
export interface DraftSteps<T> {
  /**
   * Called when the body has arrived whole and every check holds; its last chunks are about to be
   * stored.
   */
  readonly onReceived?: (draft: Draft) => void
  /** Called with the last parts. Once it resolves, the caller closes the draft. */
  readonly finish: (draft: Draft, parts: readonly StoredPart[]) => Promise<T>
}

/**
 * Receives a body into a draft and does with it what `steps` say. The body is requested only after
 * everything known beforehand has been checked. If anything fails, the draft is discarded and
 * closed. Rejects what `storeChunks` errors with, what a check throws, `precondition_failed`, and
 * what the catalog rejects.
 */
export async function receive<T>(
  store: Storage & Transfer & OpenUploads & Counted,
  caller: Caller,
  openBody: () => Readable,
  request: UploadRequest,
  { onReceived, finish }: DraftSteps<T>,
): Promise<T> {
  await refuseEarly(store, caller, request)
  const pending = new PendingParts(store)
  const draft = new Draft(store, caller, request, pending)
  const checks = request.checks ?? []
  const hashed = {
    next: (chunk: ChunkUse) => draft.expect(chunk),
    complete: () => {
      for (const check of checks) check.verify()
      onReceived?.(draft)
    },
  }
  const work = (parts: readonly StoredPart[], isLast: boolean): Promise<T | undefined> =>
    isLast ? finish(draft, parts) : draft.advance(parts)
  try {
    const parts = storeChunks(store, openBody(), checks, pending, { hashed })
    return (await lastValueFrom(parts.pipe(batchMap(isDue, work)))) as T
  } catch (error) {
    await draft.discard()
    draft.close()
    throw error
  } finally {
    pending.abandon()
  }
}

async function refuseEarly(
  store: Storage,
  caller: Caller,
  { name, size, precondition }: UploadRequest,
): Promise<void> {
  const { maxFileSize } = store.options
  if (size !== undefined && size > maxFileSize) throw tooLarge(maxFileSize)
  await checkCurrentFile(store, caller, name, precondition)
  if (size !== undefined) await refuseWithoutSpace(store, size)
}

/**
 * A part that uses a present chunk keeps its buffers until the catalog has it, so it must not wait.
 */
function isDue(parts: readonly StoredPart[]): boolean {
  return parts.length >= partsPerCommit || parts.some(({ use }) => use.location === undefined)
}
