import { lastValueFrom } from 'rxjs'
import { download, openFile, reopenFile } from '../../files/download/download.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import type { HotFile } from '../../files/state/small-file-cache.ts'
import { openSmallFile } from '../../files/download/open-small-file.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileRef, type FileRef, type StoredFile } from '../../model/file.ts'
import { ClientSpeed } from '../../files/download/client-speed.ts'
import { pathBehind, type HttpContext } from '../../http/server/context.ts'
import { evaluateConditions, ifRangeHolds } from '../../http/headers/conditionals.ts'
import { disposition } from '../../http/headers/disposition.ts'
import { contentsIn } from '../../http/headers/etags.ts'
import { headersOf } from '../../http/headers/file-headers.ts'
import { parseRange } from '../../http/headers/ranges.ts'
import type { ByteRange } from '../../model/byte-range.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'
import { describeCharset, describeCharsetOf, needsCharset } from '../../http/bodies/text-charset.ts'

/** One for each connection: what is known of a client's speed holds for its next request. */
const speeds = new WeakMap<object, ClientSpeed>()

/** `GET` and `HEAD /files/{ref}`: the bytes, or the part of them that is asked for. */
export function getFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const ref = parseFileRef(pathBehind('/files/', ctx))
  const hot = store.smallFiles.find(ctx.state.caller.space, ref)
  if (!hot) return getStoredFile(store, ctx, ref)
  sendHot(ctx, hot)
  return Promise.resolve()
}

async function getStoredFile(store: FileStore, ctx: HttpContext, ref: FileRef): Promise<void> {
  const { caller } = ctx.state
  const { changes } = store.smallFiles
  const contents = contentsIn(ctx.get('If-Match'))
  const mayContinue = Array.isArray(contents) && contents.length > 0
  const open =
    (await openFile(store, caller, ref)) ??
    (mayContinue ? reopenFile(store, caller, ref, contents) : undefined)
  if (!open) throw new StoreError('not_found', 'There is no such file.')
  try {
    const { file } = open
    const range = beginAnswer(ctx, file)
    if (!range) return
    const small = ctx.method === 'GET' ? await openSmallFile(store, file, changes) : undefined
    if (small) {
      sendSmall(ctx, small, range)
      return
    }
    if (needsCharset(ctx, file)) await describeCharsetOf(store, ctx, file)
    await sendDownload(store, ctx, file, range)
  } finally {
    open.close({ mayContinue })
  }
}

function sendHot(ctx: HttpContext, hot: HotFile): void {
  let range: ByteRange | undefined
  try {
    range = beginAnswer(ctx, hot.file)
  } catch (error) {
    hot.release()
    throw error
  }
  if (range) sendSmall(ctx, hot, range)
  else hot.release()
}

/**
 * Leaves the head of the answer in `ctx`, and returns the bytes that are to come behind it;
 * undefined for an answer without any.
 */
function beginAnswer(ctx: HttpContext, file: StoredFile): ByteRange | undefined {
  const condition = evaluateConditions(ctx.req.headers, file)
  if (condition === 'precondition_failed') {
    throw new StoreError('precondition_failed', 'The file is not the one that the request names.')
  }
  const { always, whenSent } = headersOf(file)
  setAll(ctx, always)
  if (condition === 'not_modified') {
    ctx.status = 304
    return undefined
  }
  const range = requestedRange(ctx, file)
  ctx.status = range.isPart ? 206 : 200
  if (range.isPart) ctx.set('Content-Range', `bytes ${range.start}-${range.end - 1}/${file.size}`)
  setAll(ctx, whenSent)
  ctx.res.setHeader('Content-Length', String(range.end - range.start))
  const isInline = ctx.state.target.query.get('inline') === '1'
  if (isInline) ctx.set('Content-Disposition', disposition(file.name, 'inline'))
  return range
}

/** Koa's own way takes half as long again, which small files feel. */
function setAll({ res }: HttpContext, headers: readonly (readonly [string, string])[]): void {
  for (const [name, value] of headers) res.setHeader(name, value)
}

/** The socket may hold on to the bytes for as long as its client likes. */
function sendSmall(ctx: HttpContext, { file, bytes, release }: HotFile, { start, end }: ByteRange): void {
  const { res } = ctx
  if (needsCharset(ctx, file)) describeCharset(ctx, file, bytes.subarray(0, file.size))
  ctx.respond = false
  if (res.closed) {
    release()
    return
  }
  res.once('close', release)
  if (ctx.method === 'HEAD') res.end()
  else res.end(bytes.subarray(start, end))
}

async function sendDownload(
  store: FileStore,
  ctx: HttpContext,
  file: StoredFile,
  range: ByteRange,
): Promise<void> {
  const { res } = ctx
  ctx.respond = false
  if (ctx.method !== 'HEAD') {
    const speed = speeds.get(res.socket ?? res) ?? new ClientSpeed()
    speeds.set(res.socket ?? res, speed)
    await lastValueFrom(download(store, file, range, res, speed), { defaultValue: undefined })
  }
  res.end()
}

function requestedRange(ctx: HttpContext, file: StoredFile): ByteRange & { readonly isPart: boolean } {
  const { headers, method } = ctx.req
  const whole = { start: 0, end: file.size, isPart: false }
  // RFC 9110, 14.2: "A server MUST ignore a Range header field received with a request method that
  // is unrecognized or for which range handling is not defined. For this specification, GET is the
  // only method".
  if (method !== 'GET' || !ifRangeHolds(headers['if-range'] as string | undefined, file)) return whole
  const range = parseRange(headers.range, file.size)
  if (range === 'full') return whole
  if (range === 'unsatisfiable') {
    throw new HttpProblem('range_not_satisfiable', `The file has ${file.size} bytes.`, {
      'Content-Range': `bytes */${file.size}`,
    })
  }
  return { ...range, isPart: true }
}
