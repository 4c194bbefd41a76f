import { StoreError } from '../../model/errors.ts'
import { checkParallel } from '../transport/check-options.ts'
import type { Connection } from '../transport/connection.ts'
import { fetchRange } from './fetch-range.ts'
import type { ChunkInfo, FileInfo } from '../files/file-info.ts'
import { showChunks } from '../files/show-file.ts'
import { ChunkVerifier, verifyChunkList } from './verify-chunks.ts'

export interface StreamOptions {
  /** The first byte; from the end if negative. 0 if not given. */
  readonly from?: number
  /** Behind the last byte; from the end if negative. The file's size if not given. */
  readonly to?: number
  readonly signal?: AbortSignal | undefined
  /** Ranges of 8 MiB that are fetched side by side and held until their turn; 4 if not given. */
  readonly parallel?: number | undefined
}

/** A file being read. `bytes` can be iterated once; ending early stops the fetching. */
export interface Reading {
  readonly file: FileInfo
  readonly from: number
  readonly to: number
  /**
   * Verified against the file's digest before they are yielded. Chunks of more than 8 MiB are
   * verified as they end. Chunks of which only a part is wanted are verified by the server only.
   * Rejects as all calls.
   */
  readonly bytes: AsyncIterable<Uint8Array<ArrayBuffer>>
}

const rangeBytes = 8 * 1024 * 1024

export async function readFile(
  connection: Connection,
  ref: string,
  options: StreamOptions = {},
): Promise<Reading> {
  checkParallel(options)
  const { signal, parallel = 4 } = options
  const { chunks, ...file } = await showChunks(connection, ref, { signal })
  await verifyChunkList(connection, { ...file, chunks })
  const from = placeIn(file.size, options.from ?? 0)
  const to = Math.max(from, placeIn(file.size, options.to ?? file.size))
  return { file, from, to, bytes: readVerified(connection, file, chunks, { from, to, parallel, signal }) }
}

/** As `Blob.slice` has it. */
function placeIn(size: number, place: number): number {
  const whole = Math.trunc(place) || 0
  return Math.min(size, Math.max(0, whole < 0 ? size + whole : whole))
}

interface Span {
  readonly from: number
  readonly to: number
}

interface ReadRange extends Span {
  readonly parallel: number
  readonly signal: AbortSignal | undefined
}

async function* readVerified(
  connection: Connection,
  file: FileInfo,
  chunks: readonly ChunkInfo[],
  { from, to, parallel, signal }: ReadRange,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const whole = chunks.filter(({ start, size }) => start >= from && start + size <= to)
  const wholeFrom = whole[0]?.start ?? to
  const last = whole.at(-1)
  const wholeTo = last ? last.start + last.size : to
  const verifier = new ChunkVerifier(connection, whole)
  const spans = [...cut(from, Math.min(wholeFrom, to)), ...spansOf(whole), ...cut(wholeTo, to)]
  for await (const { span, bytes } of fetchAhead(connection, file, spans, parallel, signal)) {
    if (span.from >= wholeFrom && span.to <= wholeTo) await verifier.update(bytes)
    yield bytes
  }
}

/** Whole chunks together, and large ones in pieces, so that each is `rangeBytes` at most. */
function* spansOf(chunks: readonly ChunkInfo[]): Generator<Span> {
  let open: Span | undefined
  for (const { start, size } of chunks) {
    const end = start + size
    if (open && end - open.from > rangeBytes) {
      yield open
      open = undefined
    }
    if (size > rangeBytes) yield* cut(start, end)
    else open = { from: open?.from ?? start, to: end }
  }
  if (open) yield open
}

function* cut(from: number, to: number): Generator<Span> {
  for (let at = from; at < to; at += rangeBytes) yield { from: at, to: Math.min(to, at + rangeBytes) }
}

interface FetchedSpan {
  readonly span: Span
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The bytes of spans, in order; `parallel` of them are being fetched or wait. */
async function* fetchAhead(
  connection: Connection,
  file: FileInfo,
  spans: readonly Span[],
  parallel: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<FetchedSpan> {
  const ended = new AbortController()
  const orEnded = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal
  const ahead: Promise<FetchedSpan>[] = []
  try {
    for (let next = 0; next < spans.length || ahead.length > 0;) {
      const span = spans[next]
      if (span && ahead.length < parallel) {
        const fetched = fetchSpan(connection, file, span, orEnded)
        // Its failure is reported in its turn.
        fetched.catch(() => {})
        ahead.push(fetched)
        next += 1
        continue
      }
      const first = await ahead.shift()
      if (first) yield first
    }
  } finally {
    ended.abort(new StoreError('aborted', 'Nobody reads on.'))
  }
}

async function fetchSpan(
  connection: Connection,
  file: FileInfo,
  span: Span,
  signal: AbortSignal,
): Promise<FetchedSpan> {
  const bytes = new Uint8Array(span.to - span.from)
  let filled = 0
  await fetchRange(connection, file, span.from, span.to, signal, (piece) => {
    bytes.set(piece, filled)
    filled += piece.length
  })
  return { span, bytes }
}
