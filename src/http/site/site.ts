import type { IncomingMessage } from 'node:http'
import { hostMatcher, hostNameIn, isFixedHost } from './host-name.ts'
import { TrustedProxies } from './trusted-proxies.ts'

export interface SiteOptions {
  /**
   * Where clients reach this server, if that is not where it listens:
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

/**
 * Knows what this server is called: under which names, at which address, and behind which proxies.
 */
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

  /**
   * Whether the request is for this server by its names: its own, and the one that a trusted proxy
   * got.
   */
  isAskedBy({ req, state }: Addressed): boolean {
    const { host } = this.#proxies.forwarded(req)
    // Both: a page can send any X-Forwarded-Host to its own host, whose name it has chosen.
    return this.#isOurs(state.host) && (host === undefined || this.#isOurs(host))
  }

  /**
   * Whether pages of that origin are our own. The scheme counts, and a default port is as good as
   * none.
   */
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
   * The address for clients of a path here, which begins with `/`. Without options or a proxy that
   * says more, the path itself.
   */
  addressOf({ req }: Pick<Addressed, 'req'>, path: string): string {
    if (this.#publicUrl) return `${this.#publicUrl.href.replace(/\/$/, '')}${path}`
    const { scheme = 'http', host, prefix = '' } = this.#proxies.forwarded(req)
    return `${host === undefined ? '' : `${scheme}://${host}`}${prefix}${path}`
  }

  #isOurs(authority: string): boolean {
    // One request after the other names the same.
    if (authority === this.#lastOwn) return true
    const name = hostNameIn(authority)
    if (name === undefined) return false
    // A client of HTTP/1.0 may name none; browsers always do.
    const isOurs = name === '' || isFixedHost(name) || this.#isAllowed(name)
    if (isOurs) this.#lastOwn = authority
    return isOurs
  }
}
