import dns from 'node:dns'
import { fileURLToPath } from 'node:url'

/**
 * Lets this process find the host of that name at 127.0.0.1, as an entry in /etc/hosts would. The
 * result undoes it.
 */
export function resolveToLoopback(name: string): () => void {
  const { lookup } = dns
  const found = (host: string, ...rest: readonly unknown[]) =>
    Reflect.apply(lookup, dns, [host === name ? '127.0.0.1' : host, ...rest]) as void
  dns.lookup = Object.assign(found, lookup)
  return () => {
    dns.lookup = lookup
  }
}

/** The environment of a Node process that finds the host there, too. */
export function resolvingEnv(name: string): NodeJS.ProcessEnv {
  const hook = fileURLToPath(new URL('children/resolve-names.ts', import.meta.url))
  return { NODE_OPTIONS: `--import=${hook}`, RESOLVED_NAME: name }
}
