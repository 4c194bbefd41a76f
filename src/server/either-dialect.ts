import type { HttpContext } from '../http/server/context.ts'
import { tusRoute } from '../fronts/tus/tus-route.ts'
import { speaksDraft } from '../fronts/draft/draft-fields.ts'

type Route = (ctx: HttpContext) => Promise<void>

/** Answers each request in the dialect that it is made in. */
export function eitherDialect(tus: Route, draft: Route): Route {
  const inTus = tusRoute(tus)
  return (ctx) => (speaksDraft(ctx) ? draft(ctx) : inTus(ctx))
}
