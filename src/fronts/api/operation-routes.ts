import type { FileStore } from '../../files/state/file-store.ts'
import { restrictMetrics, type MetricsAccess } from '../../http/middleware/restrict-metrics.ts'
import type { Route } from '../../http/route.ts'
import type { HttpMetrics } from '../../http/server/metrics.ts'
import { StoreError } from '../../model/errors.ts'
import { about } from './descriptions.ts'
import { readinessOf } from './readiness.ts'

export interface Operations {
  readonly metrics: HttpMetrics
  /** Who may read `/metrics`: `local` unless given. */
  readonly metricsAccess?: MetricsAccess
  /** False from when the server is told to stop. */
  readonly isReady: () => boolean
}

/** What operators and monitoring ask the server about itself. */
export function operationRoutes(
  store: FileStore,
  { metrics, metricsAccess = 'local', isReady }: Operations,
): readonly Route[] {
  const readiness = readinessOf(store)
  return [
    {
      method: 'GET',
      path: '/healthz',
      action: 'open',
      about: about.healthz,
      handle(ctx) {
        ctx.body = { status: 'alive' }
      },
    },
    {
      method: 'GET',
      path: '/readyz',
      action: 'open',
      about: about.readyz,
      async handle(ctx) {
        if (!isReady()) throw new StoreError('unavailable', 'The server is shutting down.')
        ctx.body = await readiness()
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      action: 'admin',
      about: about.metrics,
      async handle(ctx) {
        restrictMetrics(ctx.req, metricsAccess)
        ctx.type = metrics.registry.contentType
        ctx.body = await metrics.registry.metrics()
      },
    },
  ]
}
