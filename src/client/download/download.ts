import { from, lastValueFrom, mergeMap } from 'rxjs'
import { checkParallel } from '../transport/check-options.ts'
import type { Connection } from '../transport/connection.ts'
import { fetchRange } from './fetch-range.ts'
import type { ChunkInfo, FileInfo } from '../files/file-info.ts'
import { GatheredWrite } from './gathered-write.ts'
import { hasContent } from './has-content.ts'
import { showChunks } from '../files/show-file.ts'
import type { Target } from '../upload/source.ts'
import { startTransfer, type ProgressMeter, type Transfer } from '../transfer.ts'
import { ChunkVerifier, verifyChunkList } from './verify-chunks.ts'

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined
  /** Ranges of one file that are fetched side by side; 4 if not given. */
  readonly parallel?: number | undefined
}

/** Bytes per request, in whole chunks: one request per chunk of some KiB would be too many. */
const rangeBytes = 8 * 1024 * 1024

export function download(
  connection: Connection,
  ref: string,
  target: Target,
  options: DownloadOptions = {},
): Transfer<FileInfo> {
  return startTransfer(async (meter) => {
    checkParallel(options)
    const failed = new AbortController()
    const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
    const { chunks, ...file } = await showChunks(connection, ref, { signal })
    await verifyChunkList(connection, { ...file, chunks })
    meter.expect(file.size)
    const present = await target.size()
    const fetched = from(groupsOf(chunks)).pipe(
      mergeMap(
        (group) => fill(connection, file, group, target, present, { meter, signal }),
        options.parallel ?? 4,
      ),
    )
    try {
      await lastValueFrom(fetched, { defaultValue: undefined })
    } catch (error) {
      failed.abort(error)
      throw error
    }
    await target.finish(file.size)
    return file
  })
}

/** Groups of neighbouring chunks, of at most `rangeBytes` unless one chunk is larger. */
function* groupsOf(chunks: readonly ChunkInfo[]): Generator<readonly ChunkInfo[]> {
  let group: ChunkInfo[] = []
  let bytes = 0
  for (const chunk of chunks) {
    if (group.length > 0 && bytes + chunk.size > rangeBytes) {
      yield group
      group = []
      bytes = 0
    }
    group.push(chunk)
    bytes += chunk.size
  }
  if (group.length > 0) yield group
}

interface Filling {
  readonly meter: ProgressMeter
  readonly signal: AbortSignal
}

/** Fetches the chunks of the group that the target does not have yet. */
async function fill(
  connection: Connection,
  file: FileInfo,
  group: readonly ChunkInfo[],
  target: Target,
  present: number,
  { meter, signal }: Filling,
): Promise<void> {
  let missing: ChunkInfo[] = []
  for (const chunk of group) {
    signal.throwIfAborted()
    const end = chunk.start + chunk.size
    if (end <= present && (await hasContent(connection, target, [chunk], signal))) {
      meter.reuse(chunk.size)
      await fetchChunks(missing)
      missing = []
    } else {
      missing.push(chunk)
    }
  }
  await fetchChunks(missing)

  async function fetchChunks(chunks: readonly ChunkInfo[]): Promise<void> {
    const [first] = chunks
    const last = chunks.at(-1)
    if (!first || !last) return
    const verifier = new ChunkVerifier(connection, chunks)
    const gathered = new GatheredWrite(target, first.start)
    await fetchRange(connection, file, first.start, last.start + last.size, signal, async (piece) => {
      await verifier.update(piece)
      await gathered.add(piece)
      meter.add(piece.length)
    })
    await gathered.flush()
  }
}
