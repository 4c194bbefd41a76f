import { Router } from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import type { FileStore } from '../files/state/file-store.ts'
import { StoreError } from '../model/errors.ts'
import { refuseUnadmitted } from '../http/server/admission.ts'
import { answerForAll } from '../http/middleware/answer-for-all.ts'
import { answerPreflights, restrictReaders } from '../http/middleware/allow-cross-origin.ts'
import type { AllowedOrigins } from '../http/middleware/allowed-origins.ts'
import type { HttpContext, RequestState } from '../http/server/context.ts'
import { refuseExpectations } from '../http/server/continue-when-read.ts'
import { deleteFile } from '../fronts/api/delete-file.ts'
import { getFile, getHotFile } from '../fronts/api/get-file.ts'
import { Lingering } from '../http/server/lingering.ts'
import { listFiles } from '../fronts/api/list-files.ts'
import type { HttpMetrics } from '../http/server/metrics.ts'
import { observe, parseTarget } from '../http/middleware/observe.ts'
import { patchFile } from '../fronts/api/patch-file.ts'
import { postFiles } from '../fronts/api/post-files.ts'
import { putFile } from '../fronts/api/put-file.ts'
import { refuseMisdirected } from '../http/middleware/refuse-misdirected.ts'
import { refuseCrossOrigin } from '../http/middleware/refuse-cross-origin.ts'
import { readinessOf } from '../fronts/api/readiness.ts'
import { restrictMetrics, type MetricsAccess } from '../http/middleware/restrict-metrics.ts'
import { renderErrors } from '../http/middleware/render-errors.ts'
import { announceLimits } from '../fronts/draft/announce-limits.ts'
import { appendPart } from '../fronts/draft/append-part.ts'
import { cancel } from '../fronts/draft/cancel.ts'
import { uploadComplete } from '../fronts/draft/draft-fields.ts'
import { eitherDialect } from './either-dialect.ts'
import { refuseOlderDraft } from '../fronts/draft/refuse-older-draft.ts'
import { getState, showState } from '../fronts/draft/show-state.ts'
import { startPost, startPut } from '../fronts/draft/start-upload.ts'
import { showFile } from '../fronts/api/show-file.ts'
import { showUpload } from '../fronts/api/show-upload.ts'
import { Site, type SiteOptions } from '../http/site/site.ts'
import { append } from '../fronts/tus/append.ts'
import { createUpload } from '../fronts/tus/create-upload.ts'
import { overrideMethod } from '../fronts/tus/override-method.ts'
import { showCapabilities } from '../fronts/tus/show-capabilities.ts'
import { showOffset } from '../fronts/tus/show-offset.ts'
import { terminate } from '../fronts/tus/terminate.ts'
import { deleteUpload, listUploads } from '../fronts/api/list-uploads.ts'
import { writeJson } from '../http/bodies/write-json.ts'

export interface AppOptions extends SiteOptions {
  readonly maxFormFiles: number
  /** None unless given. */
  readonly corsOrigins?: AllowedOrigins
  readonly log: Logger
  /** `errors`: only requests that the server or its disk failed; all unless given. */
  readonly logRequests?: 'all' | 'errors'
  readonly metrics: HttpMetrics
  /** Who may read `/metrics`: `local` unless given. */
  readonly metricsAccess?: MetricsAccess
  /** The server's, so that its limits hold for both. */
  readonly lingering?: Lingering
  /** False from when the server is told to stop. */
  readonly isReady: () => boolean
}

/** The HTTP interface of a file store. Embedders mount `app.callback()`; `startServer` adds time limits and shutdown. */
export function createApp(store: FileStore, options: AppOptions): Koa<RequestState> {
  const { log, metrics, corsOrigins = [], lingering = new Lingering() } = options
  const app = new Koa<RequestState>()
  const routes = createRouter(store, options)
  app.use(observe(log, metrics, new Site(options), options.logRequests))
  app.use(restrictReaders(corsOrigins))
  app.use(renderErrors(lingering))
  app.use(writeJson())
  app.use(refuseMisdirected())
  app.use(answerPreflights(corsOrigins))
  app.use(refuseUnadmitted())
  app.use(refuseExpectations())
  app.use(answerForAll())
  app.use(parseTarget())
  app.use(overrideMethod())
  app.use(announceLimits(store))
  app.use(refuseCrossOrigin(corsOrigins))
  app.use(getHotFile(store))
  app.use(routes.routes() as Koa.Middleware<RequestState>)
  app.use(routes.allowedMethods() as Koa.Middleware<RequestState>)
  // Everything is answered and logged by `renderErrors`; what is left is a client that went away.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'answer not sent'))
  return app
}

function createRouter(
  store: FileStore,
  { maxFormFiles, metrics, metricsAccess = 'local', isReady }: AppOptions,
): Router {
  const readiness = readinessOf(store)
  const router = new Router({ strict: true, sensitive: true })
  type Route = (ctx: HttpContext) => Promise<void>
  const route = (handle: Route) => (ctx: unknown) => handle(ctx as HttpContext)
  router.put(
    '/files/{*name}',
    route((ctx) => {
      if (uploadComplete(ctx) !== undefined) return startPut(store, ctx)
      refuseOlderDraft(ctx)
      return putFile(store, ctx)
    }),
  )
  router.post(
    ['/files', '/files/'],
    route((ctx) => postFiles(store, maxFormFiles, ctx)),
  )
  // Also for HEAD.
  router.get(
    '/files/{*ref}',
    route((ctx) => getFile(store, ctx)),
  )
  router.delete(
    '/files/{*ref}',
    route((ctx) => deleteFile(store, ctx)),
  )
  router.get(
    '/api/files',
    route((ctx) => listFiles(store, ctx)),
  )
  router.get(
    '/api/files/{*ref}',
    route((ctx) => showFile(store, ctx)),
  )
  router.patch(
    '/api/files/{*ref}',
    route((ctx) => patchFile(store, ctx)),
  )
  const either = (tus: Route, draft: Route) => route(eitherDialect(tus, draft))
  for (const path of ['/uploads', '/uploads/{*id}']) {
    router.options(path, (ctx) => showCapabilities(store, ctx as unknown as HttpContext))
  }
  // Many clients are configured with a slash at the end of the endpoint.
  router.post(
    ['/uploads', '/uploads/'],
    either(
      (ctx) => createUpload(store, ctx),
      (ctx) => startPost(store, ctx),
    ),
  )
  router.head(
    '/uploads/{*id}',
    either(
      (ctx) => showOffset(store, ctx),
      (ctx) => showState(store, ctx),
    ),
  )
  router.get(
    '/uploads/{*id}',
    route((ctx) => getState(store, ctx)),
  )
  router.patch(
    '/uploads/{*id}',
    either(
      (ctx) => append(store, ctx),
      (ctx) => appendPart(store, ctx),
    ),
  )
  router.delete(
    '/uploads/{*id}',
    either(
      (ctx) => terminate(store, ctx),
      (ctx) => cancel(store, ctx),
    ),
  )
  router.get(
    '/api/uploads',
    route((ctx) => listUploads(store, ctx)),
  )
  router.get(
    '/api/uploads/{*id}',
    route((ctx) => showUpload(store, ctx)),
  )
  router.delete(
    '/api/uploads/{*id}',
    route((ctx) => deleteUpload(store, ctx)),
  )
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'alive' }
  })
  router.get('/readyz', async (ctx) => {
    if (!isReady()) throw new StoreError('unavailable', 'The server is shutting down.')
    ctx.body = await readiness()
  })
  router.get('/metrics', async (ctx) => {
    restrictMetrics(ctx.req, metricsAccess)
    ctx.type = metrics.registry.contentType
    ctx.body = await metrics.registry.metrics()
  })
  return router
}
