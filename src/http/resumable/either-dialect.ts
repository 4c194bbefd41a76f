import type { HttpContext } from '../context.ts'
import { tusRoute } from '../tus/tus-route.ts'
import { speaksDraft } from './draft-fields.ts'

type Route = (ctx: HttpContext) => Promise<void>

/** Answers each request in the dialect that it is made in. */
export function eitherDialect(tus: Route, draft: Route): Route {
  const inTus = tusRoute(tus)
  return (ctx) => (speaksDraft(ctx) ? draft(ctx) : inTus(ctx))
}
