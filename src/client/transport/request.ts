import { StoreError } from '../../model/errors.ts'
import { addressOf, type Connection } from './connection.ts'
import { checkHeaders } from './check-options.ts'
import type { Answer, AnswerHeaders, OutgoingPieces } from './platform.ts'
import { refusalIn } from './refusal.ts'
import { withStallTimeout } from './stall-timeout.ts'

export interface RequestOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
}

/**
 * One request, once. Resolves with an answer that is a success, of which the body is still to come.
 * Rejects `StoreError` with the server's code, or with one for the status; `unavailable` where
 * there is no answer; and with the signal's reason.
 */
export async function request(
  connection: Connection,
  path: string,
  { method = 'GET', headers, signal }: RequestOptions & { readonly signal: AbortSignal },
  body?: string | OutgoingPieces,
): Promise<Answer> {
  const all = withHeaders(headers, connection.options.headers)
  checkHeaders(all)
  let answer: Answer
  try {
    answer = await connection.platform.send(addressOf(connection, path), {
      method,
      headers: all,
      body,
      signal,
    })
  } catch (error) {
    throw brokenOff(error, signal)
  }
  if (answer.status >= 200 && answer.status < 300) return answer
  throw await refusalIn(answer)
}

/** The latter instead of the former of that name, in whatever case that is written. */
function withHeaders(
  own: Readonly<Record<string, string>> = {},
  others: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const replaced = new Set(Object.keys(others).map((name) => name.toLowerCase()))
  const kept = Object.entries(own).filter(([name]) => !replaced.has(name.toLowerCase()))
  return { ...Object.fromEntries(kept), ...others }
}

/** The same, for an answer that is told in headers. */
export async function requestHeaders(
  connection: Connection,
  path: string,
  options: RequestOptions,
): Promise<AnswerHeaders> {
  return withStallTimeout(connection, options.signal, async (signal) =>
    headersOf(await request(connection, path, { ...options, signal })),
  )
}

/** The same, for an answer in JSON. */
export async function requestJson<T>(
  connection: Connection,
  path: string,
  options: RequestOptions,
  content?: unknown,
): Promise<T> {
  return withStallTimeout(connection, options.signal, async (signal, moved) => {
    const body = content === undefined ? undefined : JSON.stringify(content)
    return jsonIn<T>(await request(connection, path, { ...options, signal }, body), signal, moved)
  })
}

/** What an answer says in JSON. */
export async function jsonIn<T>(answer: Answer, signal: AbortSignal, moved: () => void): Promise<T> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of bytesOf(answer, signal)) {
    moved()
    text += decoder.decode(piece, { stream: true })
  }
  try {
    return JSON.parse(text + decoder.decode()) as T
  } catch (error) {
    throw notOurs('with something that is not JSON', error)
  }
}

/** The headers of an answer of which nothing else is wanted. */
export function headersOf(answer: Answer): AnswerHeaders {
  answer.discard()
  return answer.headers
}

/** The body of an answer. Rejects as requests do. */
export async function* bytesOf(
  { body }: Answer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    for await (const piece of body) yield piece
  } catch (error) {
    throw brokenOff(error, signal)
  }
}

/** For a success that is none. */
export function notOurs(how: string, cause?: unknown): StoreError {
  return new StoreError(
    'internal',
    `The server answers ${how}: is Ashlar there, and does no proxy interfere?`,
    {
      cause,
    },
  )
}

/** What a request that failed, or a body that breaks off, is to whoever called. */
function brokenOff(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof StoreError) return error
  return new StoreError('unavailable', `The server cannot be reached: ${reasonOf(error)}.`, { cause: error })
}

function reasonOf(error: unknown): string {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(reason instanceof Error)) return String(reason)
  // That of a host with several addresses, none of which answers, has only a code.
  return reason.message || ('code' in reason ? String(reason.code) : reason.name)
}
