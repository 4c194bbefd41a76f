import { STATUS_CODES } from 'node:http'
import type { Middleware } from 'koa'
import { StoreError, isStoreError, type ErrorCode } from '../../model/errors.ts'
import { answerAndLinger } from '../server/answer-and-linger.ts'
import type { Failure, RequestState } from '../server/context.ts'
import type { Lingering } from '../server/lingering.ts'

/** Nobody but this file knows which status goes with which error. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  invalid_name: 400,
  invalid_digest: 400,
  invalid_metadata: 400,
  incomplete_body: 400,
  digest_mismatch: 400,
  aborted: 400,
  cross_origin: 403,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  timeout: 408,
  name_taken: 409,
  offset_conflict: 409,
  length_required: 411,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  expectation_failed: 417,
  host_not_allowed: 421,
  checksum_mismatch: 460,
  corrupt: 500,
  chunk_gone: 500,
  manifest_moved: 500,
  internal: 500,
  not_implemented: 501,
  unavailable: 503,
  overloaded: 503,
  no_space: 507,
}

/** The status of answers with this code. */
export function statusOf(code: ErrorCode): number {
  return statuses[code]
}

/** Seconds after which a client that got a 503 may try again. */
const retryAfter = '5'

/**
 * Renders whatever goes wrong below as `application/problem+json` (RFC 9457) with a stable `code`.
 */
export function renderErrors(lingering: Lingering): Middleware<RequestState> {
  return async (ctx, next) => {
    try {
      await next()
      if (ctx.respond !== false && ctx.body === undefined && ctx.status >= 400)
        throw unrouted(ctx.response.get('Allow'))
    } catch (thrown) {
      const error = asStoreError(thrown)
      const status = statuses[error.code]
      // The one of tus is not among those of HTTP.
      const title = STATUS_CODES[status] ?? 'Checksum Mismatch'
      ctx.state.failure = failureOf(error, thrown)
      if (ctx.res.headersSent || ctx.res.destroyed) {
        // Whatever was sent must not look complete.
        ctx.res.destroy()
        return
      }
      const problem = {
        title,
        status,
        code: error.code,
        detail: isServerFault(error) ? faultDetail(error.code) : error.message,
        requestId: ctx.state.requestId,
        ...(error instanceof HttpProblem && error.members),
      }
      const allow = ctx.response.get('Allow')
      const headers = {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        'X-Request-Id': ctx.state.requestId,
        ...(allow && { Allow: allow }),
        ...(status === 503 && { 'Retry-After': retryAfter }),
        ...ctx.state.always,
        ...(error instanceof HttpProblem && error.headers),
      }
      answerAndLinger(ctx, lingering, status, title, headers, `${JSON.stringify(problem)}\n`)
    }
  }
}

/**
 * A problem whose answer needs headers of its own, or is of a type that others define too, with
 * what belongs to that.
 */
export class HttpProblem extends StoreError {
  readonly headers: Readonly<Record<string, string>>
  readonly members: Readonly<Record<string, string | number>>

  constructor(
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>>,
    members: Readonly<Record<string, string | number>> = {},
  ) {
    super(code, message)
    this.headers = headers
    this.members = members
  }
}

function asStoreError(thrown: unknown): StoreError {
  if (isStoreError(thrown)) return thrown
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE') {
    return new StoreError('aborted', 'The connection ended early.', { cause: thrown })
  }
  return new StoreError('internal', 'Something unexpected happened.', { cause: thrown })
}

/**
 * Only faults that an operator must look into are errors with a stack: clients must not be able to
 * cause floods of stacks.
 */
function failureOf(error: StoreError, thrown: unknown): Failure {
  const { code, message: detail } = error
  if (isServerFault(error)) return { level: 'error', code, detail, err: thrown }
  return { level: code === 'no_space' ? 'warn' : 'info', code, detail }
}

function unrouted(allow: string): StoreError {
  // RFC 9110, 15.5.6: a 405 "MUST generate an Allow header field"; where no method would do, there
  // is nothing.
  if (allow) {
    return new StoreError(
      'method_not_allowed',
      'This address does not support the method: use one from Allow.',
    )
  }
  return new StoreError('not_found', 'There is nothing at this address.')
}

/** The message of a fault may name internals; the log has it, under the request's id. */
function isServerFault({ code }: StoreError): boolean {
  return (
    code === 'internal' ||
    code === 'corrupt' ||
    code === 'unavailable' ||
    code === 'chunk_gone' ||
    code === 'manifest_moved'
  )
}

function faultDetail(code: ErrorCode): string {
  if (code === 'corrupt')
    return 'Stored data is damaged and is not sent. The log has more under the request id.'
  if (code === 'unavailable') return 'The store cannot be used at the moment. Try again later.'
  return 'The server failed. The log has more under the request id.'
}
