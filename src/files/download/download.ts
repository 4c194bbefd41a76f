import type { Writable } from 'node:stream'
import type { Caller } from '../../model/principal.ts'
import { defer, endWith, finalize, ignoreElements, type Observable } from 'rxjs'
import type { FileRef, StoredFile } from '../../model/file.ts'
import { readAhead } from '../../rx/read-ahead.ts'
import { blockWriter } from './block-writer.ts'
import type { Counted, Storage, Transfer } from '../state/file-store.ts'
import { ReadAheadBlock } from './read-ahead-block.ts'
import type { OpenFile } from '../state/active-downloads.ts'
import type { ClientSpeed } from './client-speed.ts'
import type { ByteRange } from '../../model/byte-range.ts'
import { planBlocks, type PlannedBlock } from './plan-blocks.ts'
import { untilClosed } from '../../streams/until-closed.ts'

export function openFile(
  store: Storage & Counted,
  { space }: Caller,
  ref: FileRef,
): Promise<OpenFile | undefined> {
  return store.activeDownloads.open(() => store.catalog.findFile(space, ref))
}

/**
 * A file that was deleted or replaced since a client began to fetch it in several requests. Only a
 * client that began before knows both its id and its content, and only while the file awaits it.
 */
export function reopenFile(
  store: Pick<Counted, 'activeDownloads'>,
  { space }: Caller,
  ref: FileRef,
  digests: readonly string[],
): OpenFile | undefined {
  const open = 'id' in ref ? store.activeDownloads.reopen(ref.id) : undefined
  if (!open || (open.file.space === space && digests.includes(open.file.digest))) return open
  open.close()
  return undefined
}

/**
 * Writes a range of an open file to a stream: reads up to `maxDownloadConcurrencyPerFile` blocks
 * ahead, verifies each, and writes them in order. It writes nothing before the first block is
 * verified, so an error until then can still be answered. Completes when the stream has passed all
 * bytes on; does not end the stream.
 *
 * Errors `corrupt` (also for a missing chunk) or `unavailable` from the chunk store, and with
 * `ERR_STREAM_PREMATURE_CLOSE` as soon as the stream closes, whatever it is waiting for. All
 * buffers go back to the pool, the one being written when the stream is done with it. `speed`
 * belongs to the connection.
 */
export function download(
  store: Storage & Transfer,
  file: StoredFile,
  wanted: ByteRange,
  output: Writable,
  speed: ClientSpeed,
): Observable<never> {
  return defer(() => {
    const limited = store.reading.queue()
    const held = new Set<ReadAheadBlock>()
    const write = blockWriter(store, output, speed)

    /** Emits the block when it may be written, whether it could be read ahead or not. */
    const startRead = (planned: PlannedBlock) => {
      const block = new ReadAheadBlock(store, planned, limited, speed)
      held.add(block)
      return block.readAhead().pipe(endWith(block))
    }
    const writeInOrder = (block: ReadAheadBlock) =>
      write(block).pipe(
        finalize(() => {
          held.delete(block)
          block.release()
          for (const other of held) other.markProgress()
        }),
      )

    const { maxDownloadConcurrencyPerFile } = store.options
    const planned = planBlocks(store.catalog, file, wanted)
    return readAhead(planned, maxDownloadConcurrencyPerFile, startRead, writeInOrder).pipe(
      ignoreElements(),
      untilClosed(output),
      finalize(() => {
        for (const block of held) block.release()
      }),
    )
  })
}
