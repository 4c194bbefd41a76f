import { expect, it } from 'vitest'
import { apiRoutes } from '../../src/fronts/api/routes.ts'
import { openApiRoute } from '../../src/fronts/api/open-api-route.ts'
import { operationRoutes } from '../../src/fronts/api/operation-routes.ts'
import { draftRoutes } from '../../src/fronts/draft/routes.ts'
import { tusRoutes } from '../../src/fronts/tus/routes.ts'
import { dispatch, type Route } from '../../src/http/route.ts'
import { startTestServer } from '../support/test-server.ts'
import { localCaller } from '../../src/model/principal.ts'

const shown = (routes: readonly Route[]) =>
  [...new Set(routes.map(({ method, path, action }) => `${method} ${path} ${action}`))].sort()

it('every route has the action that a principal must be allowed', async () => {
  const { store, metrics } = await startTestServer()
  expect(shown(apiRoutes(store, 1))).toEqual([
    'DELETE /api/uploads/{*id} write',
    'DELETE /files/{*ref} delete',
    'GET /api/files read',
    'GET /api/files/{*ref} read',
    'GET /api/uploads read',
    'GET /api/uploads/{*id} read',
    'GET /files/{*ref} read',
    'PATCH /api/files/{*ref} write',
    'POST /files write',
    'POST /files/ write',
    'PUT /files/{*name} write',
  ])
  expect(shown(operationRoutes(store, { metrics, isReady: () => true }))).toEqual([
    'GET /healthz open',
    'GET /metrics admin',
    'GET /readyz open',
  ])
  expect(shown([openApiRoute([])])).toEqual(['GET /api/openapi.json open'])
  const uploads = [
    'DELETE /uploads/{*id} write',
    'HEAD /uploads/{*id} read',
    'PATCH /uploads/{*id} write',
    'POST /uploads write',
    'POST /uploads/ write',
  ]
  expect(shown(tusRoutes(store))).toEqual(
    [...uploads, 'OPTIONS /uploads open', 'OPTIONS /uploads/{*id} open'].sort(),
  )
  expect(shown(draftRoutes(store))).toEqual(
    [...uploads, 'GET /uploads/{*id} read', 'PUT /files/{*name} write'].sort(),
  )
})

it('rows that leave some requests without a route are refused', () => {
  const about = { summary: 'Try', answers: { 200: {} } }
  const all: Route = { method: 'GET', path: '/a', action: 'read', about, handle: () => {} }
  const row: Route = { ...all, takes: () => false }
  expect(() => dispatch([row], () => localCaller)).toThrow(TypeError)
  expect(() => dispatch([row, all], () => localCaller)).not.toThrow()
})
