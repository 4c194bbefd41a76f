import { StoreError, type ErrorCode } from '../../model/errors.ts'
import type { Answer, AnswerHeaders } from './platform.ts'

/** A refusal that came with the wish to be asked again later. */
export class RefusedError extends StoreError {
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, retryAfterMs: number | undefined) {
    super(code, message)
    this.retryAfterMs = retryAfterMs
  }
}

/** What an answer that is no success says. */
export async function refusalIn(answer: Answer): Promise<StoreError> {
  const { status, headers } = answer
  if (status === 0 || (status >= 300 && status < 400)) {
    answer.discard()
    const where = headers.get('Location') ?? 'another address'
    return new StoreError('invalid_request', `The server redirects to ${where}: connect to where it is.`)
  }
  const { code, detail } = await problemIn(answer)
  return new RefusedError(
    code ?? codes[status] ?? (status >= 500 ? 'unavailable' : 'invalid_request'),
    detail ?? `The server answers ${status}.`,
    retryAfterIn(headers),
  )
}

interface Problem {
  readonly code?: ErrorCode
  readonly detail?: string
}

async function problemIn(answer: Answer): Promise<Problem> {
  if (!answer.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    answer.discard()
    return {}
  }
  try {
    const decoder = new TextDecoder()
    let text = ''
    for await (const piece of answer.body) text += decoder.decode(piece, { stream: true })
    return JSON.parse(text + decoder.decode()) as Problem
  } catch {
    // It broke off: the status has been heard all the same.
    return {}
  }
}

/** RFC 9110, 10.2.3: "Retry-After = HTTP-date / delay-seconds". */
function retryAfterIn(headers: AnswerHeaders): number | undefined {
  const text = headers.get('Retry-After') ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? ms : undefined
}

/** For an answer without a problem: a proxy's, or one to HEAD. */
const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not_found',
  408: 'timeout',
  409: 'offset_conflict',
  410: 'not_found',
  412: 'precondition_failed',
  413: 'too_large',
  421: 'host_not_allowed',
  423: 'offset_conflict',
  429: 'overloaded',
  460: 'checksum_mismatch',
  500: 'internal',
  503: 'overloaded',
  507: 'no_space',
}
