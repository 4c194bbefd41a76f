import { StoreError, type ErrorCode } from '../model/errors.ts'
import type { Platform } from './platform.ts'

export interface ConnectOptions {
  /** What cannot be reached, or refuses for the moment, is tried again until nothing has moved for so long. 5 minutes if not given. */
  readonly giveUpAfterMs?: number
  /** The first pause before trying again; it doubles from one to the next, up to 60 times as long. 500 ms if not given. */
  readonly firstPauseMs?: number
  /** A request that moves no byte for so long is given up, and tried again. 60 seconds if not given. */
  readonly stallTimeoutMs?: number
  /** Sent with every request: what a proxy asks for, for instance. */
  readonly headers?: Readonly<Record<string, string>>
  /** Told of everything that is tried again, and why. */
  readonly onRetry?: (error: StoreError, pauseMs: number) => void
}

/** A server, and how to talk to it. */
export interface Connection {
  readonly endpoint: URL
  readonly platform: Platform
  readonly options: Required<Omit<ConnectOptions, 'onRetry'>> & Pick<ConnectOptions, 'onRetry'>
}

/** A refusal that came with the wish to be asked again later. */
export class RefusedError extends StoreError {
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, retryAfterMs: number | undefined) {
    super(code, message)
    this.retryAfterMs = retryAfterMs
  }
}

/** Throws `invalid_request` for what is no address of a server. */
export function connectTo(endpoint: string | URL, platform: Platform, options: ConnectOptions): Connection {
  const text = String(endpoint)
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new StoreError(
      'invalid_request',
      `${text} is no address of a server: it begins with http:// or https://.`,
    )
  }
  // Else the last segment would be replaced by what is resolved against it.
  const directory = new URL(text)
  if (!directory.pathname.endsWith('/')) directory.pathname += '/'
  const defaults = { giveUpAfterMs: 300_000, firstPauseMs: 500, stallTimeoutMs: 60_000, headers: {} }
  return { endpoint: directory, platform, options: { ...defaults, ...options } }
}

/** The address of something on the server. A path has no `/` in front; `toPath` makes one of a name. */
export function addressOf({ endpoint }: Connection, path: string): URL {
  return new URL(path, endpoint)
}

/** A path of a prefix such as `files/` and a ref, percent-encoded, its `/` kept. Throws `invalid_name` for what no address can have in it. */
export function toPath(prefix: string, ref: string): string {
  const segments = ref.split('/')
  if (!ref.isWellFormed() || segments.some((segment) => segment === '.' || segment === '..')) {
    throw new StoreError('invalid_name', 'A name has no segment . or .., and is well-formed Unicode.')
  }
  return prefix + segments.map((segment) => encodeURIComponent(segment)).join('/')
}

/**
 * One request, once. Resolves with an answer that is a success. Rejects `StoreError` with the server's code, or with one for
 * the status; `unavailable` where there is no answer; and with the signal's reason.
 */
export async function request(
  connection: Connection,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers)
  for (const [name, value] of Object.entries(connection.options.headers)) headers.set(name, value)
  let response: Response
  try {
    response = await fetch(addressOf(connection, path), { ...init, headers })
  } catch (error) {
    throw brokenOff(error, init.signal)
  }
  if (response.ok) return response
  throw await refusalIn(response)
}

/** The same, for an answer in JSON. */
export async function requestJson<T>(connection: Connection, path: string, init?: RequestInit): Promise<T> {
  const response = await request(connection, path, init)
  let text: string
  try {
    text = await response.text()
  } catch (error) {
    throw brokenOff(error, init?.signal)
  }
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw new StoreError(
      'internal',
      `${response.url} answers with something that is not JSON: is an Ashlar there?`,
      {
        cause: error,
      },
    )
  }
}

/** What a failed `fetch`, or a body that breaks off, is to whoever called. */
export function brokenOff(error: unknown, signal: AbortSignal | null | undefined): unknown {
  if (signal?.aborted) return signal.reason
  if (error instanceof StoreError) return error
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  return new StoreError('unavailable', `The server cannot be reached: ${cause}.`, { cause: error })
}

async function refusalIn(response: Response): Promise<StoreError> {
  const text = await response.text().catch(() => '')
  const after = Number(response.headers.get('Retry-After') ?? Number.NaN)
  const retryAfterMs = Number.isFinite(after) ? after * 1000 : undefined
  if (response.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    const problem = JSON.parse(text) as { readonly code: ErrorCode; readonly detail: string }
    return new RefusedError(problem.code, problem.detail, retryAfterMs)
  }
  return new RefusedError(codeFor(response.status), `The server answers ${response.status}.`, retryAfterMs)
}

/** For an answer without a problem: a proxy's, or one to HEAD. */
function codeFor(status: number): ErrorCode {
  return codes[status] ?? (status >= 500 ? 'unavailable' : 'invalid_request')
}

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not_found',
  408: 'timeout',
  409: 'offset_conflict',
  410: 'not_found',
  412: 'precondition_failed',
  413: 'too_large',
  423: 'offset_conflict',
  429: 'overloaded',
  460: 'checksum_mismatch',
  500: 'internal',
  503: 'overloaded',
  507: 'no_space',
}
