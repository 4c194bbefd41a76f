import type Koa from 'koa'
import type { Logger } from 'pino'
import type { ErrorCode } from '../../model/errors.ts'
import type { Caller } from '../../model/principal.ts'
import type { RequestTarget } from '../headers/request-target.ts'
import type { Site } from '../site/site.ts'

/** What the middlewares before a route found out about its request. */
export interface RequestState {
  /** Headers that the answer has in any case, also if it is a problem. */
  readonly always: Record<string, string>
  readonly site: Site
  /** The host that the request names, maybe with a port; '' if it names none. */
  readonly host: string
  /** Known to routes, which `dispatch` calls when it has asked who calls. */
  caller: Caller
  target: RequestTarget
  readonly requestId: string
  readonly log: Logger
  /** What went wrong, for the line that the request has in the log. */
  failure?: Failure
}

export interface Failure {
  readonly level: 'info' | 'warn' | 'error'
  readonly code: ErrorCode
  readonly detail: string
  /** Of a fault of the server: with its stack. */
  readonly err?: unknown
}

export type HttpContext = Koa.ParameterizedContext<RequestState>

/**
 * The address for clients of a path that begins with `/`. Whatever answers say where something is
 * comes from here.
 */
export function addressOf(ctx: HttpContext, path: string): string {
  return ctx.state.site.addressOf(ctx, path)
}

/** What stands behind a fixed beginning of the path, percent-decoded: the reference to a file. */
export function pathBehind(prefix: string, ctx: HttpContext): string {
  return ctx.state.target.path.slice(prefix.length)
}
