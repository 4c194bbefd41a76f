import type { IncomingMessage } from 'node:http'
import { hostMatcher, hostNameIn, isFixedHost } from './host-name.ts'
import { TrustedProxies } from './trusted-proxies.ts'

export interface SiteOptions {
  /**
   * The address at which clients reach this server, if it differs from where it listens:
   * `https://files.example/share/`.
   */
  readonly publicUrl?: string | undefined
  /**
   * Names under which it may be asked, besides that of `publicUrl`; `*.example` is every name below
   * `example`.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /** Addresses and ranges of proxies whose `X-Forwarded-*` headers count. */
  readonly trustedProxies?: readonly string[] | undefined
}

/**
 * A request, with the host that it names: that of an absolute-form target, else its `Host` header,
 * else ''.
 */
interface Addressed {
  readonly req: IncomingMessage
  readonly state: { readonly host: string }
}

/** Knows this server's names, its address for clients, and its proxies. */
export class Site {
  readonly #publicUrl: URL | undefined
  readonly #proxies: TrustedProxies
  readonly #isAllowed: (name: string) => boolean
  #lastOwn: string | undefined

  constructor({ publicUrl, allowedHosts = [], trustedProxies = [] }: SiteOptions) {
    this.#publicUrl = publicUrl === undefined ? undefined : new URL(publicUrl)
    this.#proxies = new TrustedProxies(trustedProxies)
    const own = this.#publicUrl ? [this.#publicUrl.hostname] : []
    this.#isAllowed = hostMatcher([...own, ...allowedHosts])
  }

  clientAddress(req: IncomingMessage): string | undefined {
    return this.#proxies.clientAddress(req)
  }

  /** Whether the request names this server, both to us and to a trusted proxy. */
  isAskedBy({ req, state }: Addressed): boolean {
    const { host } = this.#proxies.forwarded(req)
    // Both: a page can send any X-Forwarded-Host to its own host, whose name it has chosen.
    return this.#isOurs(state.host) && (host === undefined || this.#isOurs(host))
  }

  /** Whether the origin is our own. The scheme counts; a default port may be left out. */
  isOwnOrigin({ req, state }: Addressed, origin: string): boolean {
    if (!URL.canParse(origin)) return false
    const page = new URL(origin)
    if (page.hostname === this.#publicUrl?.hostname && page.protocol !== this.#publicUrl.protocol) {
      // A proxy that ends TLS passes on the same Host as one that does not.
      return false
    }
    if (page.origin === this.#publicUrl?.origin) return true
    const { scheme = 'http', host = state.host } = this.#proxies.forwarded(req)
    const own = `${scheme}://${host}`
    return URL.canParse(own) && page.origin === new URL(own).origin
  }

  /**
   * The address of a path for clients; the path begins with `/`. It is the path itself unless an
   * option or a trusted proxy says more.
   */
  addressOf({ req }: Pick<Addressed, 'req'>, path: string): string {
    if (this.#publicUrl) return `${this.#publicUrl.href.replace(/\/$/, '')}${path}`
    const { scheme = 'http', host, prefix = '' } = this.#proxies.forwarded(req)
    return `${host === undefined ? '' : `${scheme}://${host}`}${prefix}${path}`
  }

  #isOurs(authority: string): boolean {
    // Requests mostly name the same host.
    if (authority === this.#lastOwn) return true
    const name = hostNameIn(authority)
    if (name === undefined) return false
    // A client of HTTP/1.0 may name none; browsers always do.
    const isOurs = name === '' || isFixedHost(name) || this.#isAllowed(name)
    if (isOurs) this.#lastOwn = authority
    return isOurs
  }
}
