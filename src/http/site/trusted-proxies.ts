import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import proxyAddress from 'proxy-addr'

/** What a trusted proxy says about the request that it received. */
export interface Forwarded {
  readonly scheme?: 'http' | 'https'
  /** Unchecked: it must be one of our hosts, like any other. */
  readonly host?: string
  /** The prefix that the proxy removes from the path; begins with `/` and does not end with it. */
  readonly prefix?: string
}

const nothing: Forwarded = {}

/**
 * Reads `X-Forwarded-*`, which anybody can send, from those proxies only. `Forwarded` (RFC 7239) is
 * not read.
 */
export class TrustedProxies {
  readonly #isTrusted: ((address: string, hops: number) => boolean) | undefined

  /** Addresses and ranges, as in `10.0.0.0/8`. */
  constructor(addresses: readonly string[]) {
    this.#isTrusted = addresses.length > 0 ? proxyAddress.compile([...addresses]) : undefined
  }

  /**
   * The address of the client: the last in `X-Forwarded-For` that is not a trusted proxy's.
   * `undefined` once it has gone.
   */
  clientAddress(req: IncomingMessage): string | undefined {
    const { remoteAddress } = req.socket
    if (this.#isTrusted === undefined || remoteAddress === undefined) return withoutMapping(remoteAddress)
    const address = withoutMapping(proxyAddress(req, this.#isTrusted))
    return address !== undefined && isIP(address) ? address : withoutMapping(remoteAddress)
  }

  forwarded(req: IncomingMessage): Forwarded {
    if (!this.#isTrusted?.(req.socket.remoteAddress ?? '', 0)) return nothing
    const scheme = lastValue(req, 'x-forwarded-proto')?.toLowerCase()
    const host = lastValue(req, 'x-forwarded-host')
    const prefix = lastValue(req, 'x-forwarded-prefix')?.replace(/\/+$/, '')
    return {
      ...((scheme === 'http' || scheme === 'https') && { scheme }),
      ...(host !== undefined && { host }),
      ...(prefix !== undefined && isPath(prefix) && { prefix }),
    }
  }
}

/** Proxies append what they saw; earlier values may come from the client. */
function lastValue({ headers }: IncomingMessage, name: string): string | undefined {
  return headers[name]?.toString().split(',').at(-1)?.trim() || undefined
}

/** RFC 3986, 3.3. Two slashes in front would name a host. */
function isPath(text: string): boolean {
  return /^(?:\/[\w.~!$&'()*+;=:@%-]+)+$/.test(text)
}

/** A socket that listens on IPv6 shows IPv4 addresses as `::ffff:192.0.2.1`. */
function withoutMapping(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '')
}
