import { StoreError } from '../model/errors.ts'
import { addressOf, type Connection } from './connection.ts'
import { discardBody, refusalIn } from './refusal.ts'
import { piecesOf } from './source.ts'
import { withStallTimeout } from './stall-timeout.ts'

export interface RequestOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
}

/**
 * One request, once. Resolves with an answer that is a success, of which the body is still to come. Rejects `StoreError` with the server's
 * code, or with one for the status; `unavailable` where there is no answer; and with the signal's reason.
 */
export async function request(
  connection: Connection,
  path: string,
  { method = 'GET', headers, signal }: RequestOptions,
  body: RequestInit = {},
): Promise<Response> {
  const all = new Headers({ ...headers })
  for (const [name, value] of Object.entries(connection.options.headers)) all.set(name, value)
  const init: RequestInit = {
    ...body,
    method,
    headers: all,
    signal: signal ?? null,
    redirect: 'manual',
    // Else a browser would give again from its cache what has turned out to be damaged.
    cache: 'no-store',
  }
  let response: Response
  try {
    response = await fetch(addressOf(connection, path), init)
  } catch (error) {
    throw brokenOff(error, signal)
  }
  if (response.ok) return response
  throw await refusalIn(response)
}

/** The same, for an answer that is told in headers. */
export async function requestHeaders(
  connection: Connection,
  path: string,
  options: RequestOptions,
): Promise<Headers> {
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
  const text = await withStallTimeout(connection, options.signal, async (signal, moved) => {
    const body = content === undefined ? {} : { body: JSON.stringify(content) }
    const response = await request(connection, path, { ...options, signal }, body)
    const decoder = new TextDecoder()
    let decoded = ''
    for await (const piece of bytesOf(response, signal)) {
      moved()
      decoded += decoder.decode(piece, { stream: true })
    }
    return decoded + decoder.decode()
  })
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw notOurs('with something that is not JSON', error)
  }
}

/** The headers of an answer of which nothing else is wanted. */
export async function headersOf(response: Response): Promise<Headers> {
  await discardBody(response)
  return response.headers
}

/** The body of an answer. Rejects as requests do. */
export async function* bytesOf(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (!response.body) return
  try {
    yield* piecesOf(response.body as ReadableStream<Uint8Array<ArrayBuffer>>)
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

/** What a failed `fetch`, or a body that breaks off, is to whoever called. */
function brokenOff(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason
  if (error instanceof StoreError) return error
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  return new StoreError('unavailable', `The server cannot be reached: ${cause}.`, { cause: error })
}
