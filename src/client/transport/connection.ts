import { StoreError } from '../../model/errors.ts'
import type { Platform } from './platform.ts'

export interface ConnectOptions {
  /**
   * What cannot be reached, or refuses for the moment, is tried again until it has failed for so
   * long with nothing moving. 5 minutes if not given.
   */
  readonly giveUpAfterMs?: number | undefined
  /**
   * The first pause before trying again; it doubles from one to the next, up to 60 times as long.
   * 500 ms if not given.
   */
  readonly firstPauseMs?: number | undefined
  /**
   * A request that moves no byte for so long is given up, and tried again. 60 seconds if not given;
   * 5 minutes in a browser.
   */
  readonly stallTimeoutMs?: number | undefined
  /** Sent with every request: what a proxy asks for, for instance. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Told of everything that is tried again, and why. */
  readonly onRetry?: ((error: StoreError, pauseMs: number) => void) | undefined
}

/** A server, and how to talk to it. */
export interface Connection {
  readonly endpoint: URL
  readonly platform: Platform
  readonly options: {
    readonly giveUpAfterMs: number
    readonly firstPauseMs: number
    readonly stallTimeoutMs: number
    readonly headers: Readonly<Record<string, string>>
    readonly onRetry: ConnectOptions['onRetry']
  }
}

/** Throws `invalid_request` for what is no address of a server. */
export function connectTo(endpoint: string | URL, platform: Platform, options: ConnectOptions): Connection {
  const {
    giveUpAfterMs = 300_000,
    firstPauseMs = 500,
    stallTimeoutMs = platform.stallTimeoutMs,
    headers = {},
    onRetry,
  } = options
  return {
    endpoint: toDirectory(String(endpoint)),
    platform,
    options: { giveUpAfterMs, firstPauseMs, stallTimeoutMs, headers, onRetry },
  }
}

function toDirectory(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new StoreError(
      'invalid_request',
      `${text} is no address of a server: it begins with http:// or https://.`,
    )
  }
  const url = new URL(text)
  // `fetch` sends no request to such an address.
  if (url.username !== '' || url.password !== '') {
    throw new StoreError(
      'invalid_request',
      'The address of a server has no password in it: give an Authorization header.',
    )
  }
  // Else the last segment would be replaced by what is resolved against it.
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

/**
 * The address of something on the server. A path has no `/` in front; `toPath` makes one of a name.
 */
export function addressOf({ endpoint }: Connection, path: string): URL {
  return new URL(path, endpoint)
}

/**
 * A path of a prefix such as `files/` and a ref, percent-encoded, its `/` kept. Throws
 * `invalid_name` for what no address can have in it.
 */
export function toPath(prefix: string, ref: string): string {
  const segments = ref.split('/')
  if (!ref.isWellFormed() || segments.some((segment) => segment === '.' || segment === '..')) {
    throw new StoreError('invalid_name', 'A name has no segment . or .., and is well-formed Unicode.')
  }
  return prefix + segments.map((segment) => encodeURIComponent(segment)).join('/')
}
