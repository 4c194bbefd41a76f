import type Koa from 'koa'
import type { Logger } from 'pino'
import type { RequestTarget } from './headers/request-target.ts'

/** What the middlewares before a route found out about its request. */
export interface RequestState {
  /** Headers that the answer has in any case, also if it is a problem. */
  readonly always: Record<string, string>
  target: RequestTarget
  readonly requestId: string
  readonly log: Logger
}

export type HttpContext = Koa.ParameterizedContext<RequestState>

/** What stands behind a fixed beginning of the path, percent-decoded: the reference to a file. */
export function pathBehind(prefix: string, ctx: HttpContext): string {
  return ctx.state.target.path.slice(prefix.length)
}
