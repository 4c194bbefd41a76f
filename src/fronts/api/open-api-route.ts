import { openApiOf } from '../../http/openapi/document.ts'
import type { Route } from '../../http/route.ts'
import { about } from './descriptions.ts'

/** `GET /api/openapi.json`: what all of these routes do, and this one. */
export function openApiRoute(routes: readonly Route[]): Route {
  const route: Route = {
    method: 'GET',
    path: '/api/openapi.json',
    action: 'open',
    about: about.openApi,
    handle(ctx) {
      ctx.body = document
    },
  }
  const document = openApiOf([...routes, route])
  return route
}
