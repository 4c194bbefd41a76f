import Koa from 'koa'
import type { Logger } from 'pino'
import type { FileStore } from '../files/state/file-store.ts'
import { refuseUnadmitted } from '../http/server/admission.ts'
import { answerForAll } from '../http/middleware/answer-for-all.ts'
import {
  answerPreflights,
  restrictReaders,
  type AllowedOrigins,
} from '../http/middleware/allow-cross-origin.ts'
import type { RequestState } from '../http/server/context.ts'
import { refuseExpectations } from '../http/server/continue-when-read.ts'
import { Lingering } from '../http/server/lingering.ts'
import { observe, parseTarget } from '../http/middleware/observe.ts'
import { refuseMisdirected } from '../http/middleware/refuse-misdirected.ts'
import { refuseCrossOrigin } from '../http/middleware/refuse-cross-origin.ts'
import { renderErrors } from '../http/middleware/render-errors.ts'
import { announceLimits } from '../fronts/draft/announce-limits.ts'
import { Site, type SiteOptions } from '../http/site/site.ts'
import { overrideMethod } from '../fronts/tus/override-method.ts'
import { openApiRoute } from '../fronts/api/open-api-route.ts'
import { operationRoutes, type Operations } from '../fronts/api/operation-routes.ts'
import { apiRoutes } from '../fronts/api/routes.ts'
import { draftRoutes } from '../fronts/draft/routes.ts'
import { tusRoutes } from '../fronts/tus/routes.ts'
import { dispatch } from '../http/route.ts'
import { localCaller } from '../model/principal.ts'
import { writeJson } from '../http/bodies/write-json.ts'

export interface AppOptions extends SiteOptions, Operations {
  readonly maxFormFiles: number
  /** None unless given. */
  readonly corsOrigins?: AllowedOrigins
  readonly log: Logger
  /** `errors`: only requests that the server or its disk failed; all unless given. */
  readonly logRequests?: 'all' | 'errors'
  /** The server's, so that its limits hold for both. */
  readonly lingering?: Lingering
}

/**
 * The HTTP interface of a file store. Embedders mount `app.callback()`; `startServer` adds time
 * limits and shutdown.
 */
export function createApp(store: FileStore, options: AppOptions): Koa<RequestState> {
  const { log, metrics, corsOrigins = [], lingering = new Lingering() } = options
  const served = [
    ...draftRoutes(store),
    ...tusRoutes(store),
    ...apiRoutes(store, options.maxFormFiles),
    ...operationRoutes(store, options),
  ]
  const routes = [...served, openApiRoute(served)]
  const app = new Koa<RequestState>()
  app.use(observe(log, metrics, new Site(options), options.logRequests))
  app.use(restrictReaders(corsOrigins, routes))
  app.use(renderErrors(lingering))
  app.use(writeJson())
  app.use(refuseMisdirected())
  app.use(answerPreflights(corsOrigins, routes))
  app.use(refuseUnadmitted())
  app.use(refuseExpectations())
  app.use(answerForAll())
  app.use(parseTarget())
  app.use(overrideMethod())
  app.use(announceLimits(store))
  app.use(refuseCrossOrigin(corsOrigins))
  app.use(dispatch(routes, () => localCaller))
  // Everything is answered and logged by `renderErrors`; what is left is a client that went away.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'answer not sent'))
  return app
}
