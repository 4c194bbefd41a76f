import { Router } from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import type { FileStore } from '../files/file-store.ts'
import { StoreError } from '../model/errors.ts'
import type { HttpContext, RequestState } from './context.ts'
import { deleteFile } from './delete-file.ts'
import { getFile } from './get-file.ts'
import { listFiles } from './list-files.ts'
import type { HttpMetrics } from './metrics.ts'
import { observe, parseTarget } from './observe.ts'
import { patchFile } from './patch-file.ts'
import { postFiles } from './post-files.ts'
import { putFile } from './put-file.ts'
import { refuseCrossOrigin } from './refuse-cross-origin.ts'
import { renderErrors } from './render-errors.ts'
import { showFile } from './show-file.ts'
import { append } from './tus/append.ts'
import { createUpload } from './tus/create-upload.ts'
import { overrideMethod } from './tus/override-method.ts'
import { showCapabilities } from './tus/show-capabilities.ts'
import { showOffset } from './tus/show-offset.ts'
import { terminate } from './tus/terminate.ts'
import { tusRoute } from './tus/tus-route.ts'
import { deleteUpload, listUploads } from './list-uploads.ts'

export interface AppOptions {
  readonly maxFormFiles: number
  readonly log: Logger
  readonly metrics: HttpMetrics
  /** False from when the server is told to stop. */
  readonly isReady: () => boolean
}

/** The HTTP interface of a file store. Embedders mount `app.callback()`; `startServer` adds time limits and shutdown. */
export function createApp(store: FileStore, options: AppOptions): Koa<RequestState> {
  const { log, metrics } = options
  const app = new Koa<RequestState>()
  const routes = createRouter(store, options)
  app.use(observe(log, metrics))
  app.use(renderErrors())
  app.use(parseTarget())
  app.use(overrideMethod())
  app.use(refuseCrossOrigin())
  app.use(routes.routes() as Koa.Middleware<RequestState>)
  app.use(routes.allowedMethods() as Koa.Middleware<RequestState>)
  // Everything is answered and logged by `renderErrors`; what is left is a client that went away.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'answer not sent'))
  return app
}

function createRouter(store: FileStore, { maxFormFiles, metrics, isReady }: AppOptions): Router {
  const router = new Router({ strict: true, sensitive: true })
  type Route = (ctx: HttpContext) => Promise<void>
  const route = (handle: Route) => (ctx: unknown) => handle(ctx as HttpContext)
  router.put(
    '/files/{*name}',
    route((ctx) => putFile(store, ctx)),
  )
  router.post(
    '/files',
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
  const tus = (handle: Route) => route(tusRoute(handle))
  for (const path of ['/uploads', '/uploads/{*id}']) {
    router.options(path, (ctx) => showCapabilities(store, ctx as unknown as HttpContext))
  }
  router.post(
    '/uploads',
    tus((ctx) => createUpload(store, ctx)),
  )
  router.head(
    '/uploads/{*id}',
    tus((ctx) => showOffset(store, ctx)),
  )
  router.patch(
    '/uploads/{*id}',
    tus((ctx) => append(store, ctx)),
  )
  router.delete(
    '/uploads/{*id}',
    tus((ctx) => terminate(store, ctx)),
  )
  router.get(
    '/api/uploads',
    route((ctx) => listUploads(store, ctx)),
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
    await store.catalog.listGarbage(1)
    ctx.body = { status: 'ready' }
  })
  router.get('/metrics', async (ctx) => {
    ctx.type = metrics.registry.contentType
    ctx.body = await metrics.registry.metrics()
  })
  return router
}
