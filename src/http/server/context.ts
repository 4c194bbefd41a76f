import type Koa from 'koa'
import type { Logger } from 'pino'
import type { ErrorCode } from '../../model/errors.ts'
import type { Caller } from '../../model/principal.ts'
import type { RequestTarget } from '../headers/request-target.ts'
import type { Site } from '../site/site.ts'

/** What middlewares found out about a request before its route. */
export interface RequestState {
  /** Headers of every answer to the request, problems included. */
  readonly always: Record<string, string>
  readonly site: Site
  /** The host that the request names, perhaps with a port; '' if it names none. */
  readonly host: string
  /** Set by `dispatch` before it calls the handler of a row. */
  caller: Caller
  target: RequestTarget
  readonly requestId: string
  readonly log: Logger
  /** What went wrong, for the request's line in the log. */
  failure?: Failure
}

export interface Failure {
  readonly level: 'info' | 'warn' | 'error'
  readonly code: ErrorCode
  readonly detail: string
  /** For a fault of the server: the error with its stack. */
  readonly err?: unknown
}

export type HttpContext = Koa.ParameterizedContext<RequestState>

/**
 * The address of a path for clients; the path begins with `/`. All addresses in answers come from
 * here.
 */
export function addressOf(ctx: HttpContext, path: string): string {
  return ctx.state.site.addressOf(ctx, path)
}

/** The rest of the path behind a prefix, percent-decoded: the ref of a file. */
export function pathBehind(prefix: string, ctx: HttpContext): string {
  return ctx.state.target.path.slice(prefix.length)
}
