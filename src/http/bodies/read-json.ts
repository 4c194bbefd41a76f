import type { IncomingMessage } from 'node:http'
import { koaBody } from 'koa-body'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { HttpContext } from '../server/context.ts'
import { continued } from '../server/continue-when-read.ts'
import { HttpProblem } from '../middleware/render-errors.ts'

const maxJsonBytes = 64 * 1024
const codings = ['gzip', 'deflate', 'br', 'identity']

/** Reads a body of one of the media types `types`, decompressed; neither size may exceed 64 KiB. */
export async function readJson(ctx: HttpContext, types: readonly string[]): Promise<unknown> {
  const coding = codingOf(ctx.req)
  // koa-body reads the header itself, and knows no other spelling.
  ctx.req.headers['content-encoding'] = coding
  const parse = koaBody({
    jsonTypes: [...types],
    jsonLimit: maxJsonBytes,
    json: true,
    multipart: false,
    text: false,
    urlencoded: false,
    parsedMethods: ['PATCH' as never],
  })
  const req = continued(ctx.req)
  try {
    await unlessBrokenOff(req, () => parse(ctx, () => Promise.resolve()))
  } catch (error) {
    if (isStoreError(error) || !(error instanceof Error)) throw error
    if ('status' in error && error.status === 413) {
      throw new StoreError('too_large', `The JSON may have ${maxJsonBytes} bytes at most.`)
    }
    if ('status' in error) {
      throw new StoreError('invalid_request', 'The body is not valid JSON.', { cause: error })
    }
    // What has no status comes from zlib.
    if (coding === 'identity') throw error
    throw new StoreError('invalid_request', `The body is not valid ${coding}.`, { cause: error })
  } finally {
    // A decompressor that nobody reads would keep pausing the rest of the body.
    req.unpipe()
  }
  return ctx.request.body
}

function codingOf({ headers }: IncomingMessage): string {
  const given = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (given === '') return 'identity'
  // RFC 9110, 8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
  const coding = given === 'x-gzip' ? 'gzip' : given
  if (codings.includes(coding)) return coding
  // RFC 9110, 12.5.3: 415 "with an Accept-Encoding header field" tells which codings would do.
  throw new HttpProblem('unsupported_media_type', `Send the JSON as it is, or as gzip, deflate or br.`, {
    'Accept-Encoding': codings.join(', '),
  })
}

/**
 * Rejects when the request fails or its connection ends: a decompressor in between hears of
 * neither.
 */
async function unlessBrokenOff<T>(req: IncomingMessage, read: () => Promise<T>): Promise<T> {
  const brokenOff = Promise.withResolvers<never>()
  const onClose = () => {
    if (!req.readableEnded) brokenOff.reject(new StoreError('aborted', 'The connection ended early.'))
  }
  req.on('error', brokenOff.reject).on('close', onClose)
  try {
    return await Promise.race([brokenOff.promise, read()])
  } finally {
    req.off('close', onClose)
    // The listener for errors stays: one that comes when nobody reads any more must not end the
    // process.
  }
}
