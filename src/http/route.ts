import type { Middleware } from 'koa'
import type { Caller } from '../model/principal.ts'
import type { Description } from './openapi/describe.ts'
import type { HttpContext, RequestState } from './server/context.ts'

/** What a principal has to be allowed to do; `open` is for anybody. */
type Action = 'read' | 'create' | 'write' | 'delete' | 'share' | 'admin' | 'open'

type Method = 'DELETE' | 'GET' | 'HEAD' | 'OPTIONS' | 'PATCH' | 'POST' | 'PUT'

/**
 * One request that a front answers. Routing, `Allow`, the OpenAPI document and the lists of CORS
 * are made from these rows; so will be who may do what.
 */
export interface Route {
  /** A row for GET also answers HEAD, unless HEAD has a row of its own. */
  readonly method: Method
  /** A path, or the beginning of paths, up to a slash, with `{*name}` for whatever follows. */
  readonly path: string
  readonly action: Action
  /** For the OpenAPI document, and for the headers that pages of other origins may use. */
  readonly about: Description
  /**
   * Of several rows with one method and path, the first that takes the request answers it; all
   * requests unless given.
   */
  readonly takes?: (ctx: HttpContext) => boolean
  readonly handle: (ctx: HttpContext) => Promise<void> | void
}

interface Address {
  readonly path: string
  readonly isPrefix: boolean
  readonly methods: ReadonlyMap<string, readonly Route[]>
}

const rest = /\{\*\w+\}$/

/**
 * Answers what the rows say. Other methods of their addresses are answered with 405, and OPTIONS
 * with 200, both with `Allow`. Throws `TypeError` unless the last row of each method and path takes
 * every request. Paths are compared as they were sent, without decoding.
 */
export function dispatch(
  routes: readonly Route[],
  identify: (ctx: HttpContext) => Caller,
): Middleware<RequestState> {
  const addresses = addressesOf(routes)
  return (ctx) => {
    const { path, method } = ctx
    for (const address of addresses) {
      const rows = isAt(address, path) ? address.methods.get(method) : undefined
      if (rows === undefined) continue
      ctx.state.caller = identify(ctx)
      return rows.find(({ takes }) => takes?.(ctx) ?? true)!.handle(ctx)
    }
    const found = addresses.filter((address) => isAt(address, path))
    if (found.length === 0) return undefined
    ctx.set('Allow', [...new Set(found.flatMap(({ methods }) => Array.from(methods.keys())))].join(', '))
    if (method === 'OPTIONS') ctx.body = ''
    else ctx.status = 405
    return undefined
  }
}

function isAt(address: Address, path: string): boolean {
  return address.isPrefix ? path.startsWith(address.path) : path === address.path
}

function addressesOf(routes: readonly Route[]): readonly Address[] {
  const byPath = Map.groupBy(routes, ({ path }) => path.replace(rest, '{*}'))
  return [...byPath].map(([path, rows]) => {
    const methods = new Map<string, readonly Route[]>(Map.groupBy(rows, ({ method }) => method))
    for (const [method, ofMethod] of methods) {
      if (ofMethod.at(-1)!.takes) throw new TypeError(`some requests for ${method} ${path} have no route`)
    }
    const get = methods.get('GET')
    const withHead = get && !methods.has('HEAD') ? new Map([...methods, ['HEAD', get] as const]) : methods
    return { path: path.replace('{*}', ''), isPrefix: path.endsWith('{*}'), methods: withHead }
  })
}

/** Names of the headers that the rows read or send, each once. */
export function headersOf(routes: readonly Route[], way: 'reads' | 'sends'): readonly string[] {
  return [...new Set(routes.flatMap(({ about }) => about[way] ?? []))].toSorted()
}
