import { isIP } from 'node:net'

/**
 * RFC 3986, 3.2.2 and 3.2.3: a name, maybe empty, or an address in brackets, maybe with a zone (RFC
 * 6874); and maybe a port.
 */
const authorityPattern = /^([\w.~!$&'()*+,;=%-]*|\[[\da-fA-Fv.:]+(?:%[\w.~%-]+)?\])(?::\d*)?$/

export function isAuthority(text: string): boolean {
  return authorityPattern.test(text)
}

/**
 * The host in a `Host` header or an authority, as names are compared: in lower case, without port,
 * brackets, zone or final dot. `undefined` if it cannot be read as one.
 */
export function hostNameIn(authority: string): string | undefined {
  const [, host] = authorityPattern.exec(authority) ?? []
  return host
    ?.toLowerCase()
    .replace(/^\[([^%\]]*).*$/, '$1')
    .replace(/\.$/, '')
}

/**
 * Whether a page under this name must come from here. A page's name may resolve to this server
 * although it is not ours (DNS rebinding), but an address always means what it says, and browsers
 * resolve `localhost` themselves (RFC 6761, 6.3).
 */
export function isFixedHost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name) !== 0
}

/** Matches names as `--allowed-hosts` writes them: `*.example` is every name below `example`. */
export function hostMatcher(patterns: readonly string[]): (name: string) => boolean {
  const normal = patterns.map((pattern) => pattern.toLowerCase().replace(/\.$/, ''))
  const names = new Set(normal)
  const suffixes = normal.filter((pattern) => pattern.startsWith('*.')).map((pattern) => pattern.slice(1))
  return (name) => names.has(name) || suffixes.some((suffix) => name.endsWith(suffix))
}
