import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schemas, type SchemaName } from '../../src/http/openapi/schemas.ts'
import { apiRoutes } from '../../src/fronts/api/routes.ts'
import { openApiRoute } from '../../src/fronts/api/open-api-route.ts'
import { operationRoutes } from '../../src/fronts/api/operation-routes.ts'
import { draftRoutes } from '../../src/fronts/draft/routes.ts'
import { tusRoutes } from '../../src/fronts/tus/routes.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'

interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>
}

interface Operation {
  readonly summary: string
  readonly 'x-action': string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, Answer>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const form = new FormData()
form.append('file', new Blob(['x']), 'form.txt')

let server: TestServer
let document: Document
beforeAll(async () => {
  server = await openTestServer({ chunkSize: 64 * 1024 })
  const answer = await fetch(`${server.url}/api/openapi.json`)
  document = (await answer.json()) as Document
})

afterAll(() => server.stop())

it('the server shows a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator()
  expect(await validator.validate(structuredClone(document) as never)).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

it('every route of every front is in the document, with its action and its answers', () => {
  const { store, metrics } = server
  const rows = [
    ...apiRoutes(store, 1),
    ...operationRoutes(store, { metrics, isReady: () => true }),
    ...tusRoutes(store),
    ...draftRoutes(store),
    openApiRoute([]),
  ]
  for (const { method, path, action, about } of rows) {
    // With a slash at the end it is the same operation.
    const address = path.replace(/\/$/, '').replace(/\{\*\w+\}$/, 'x')
    const operation = operationsAt(address)?.[method.toLowerCase()]
    expect(operation, `${method} ${path}`).toMatchObject({ 'x-action': action })
    expect(operation!.summary).toContain(about.summary)
    const statuses = [...Object.keys(about.answers), 'default']
    expect(Object.keys(operation!.responses)).toEqual(expect.arrayContaining(statuses))
    const names = operation!.parameters.filter((each) => each.in === 'header').map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining([...(about.reads ?? [])]))
  }
})

it('an operation has an id that no other one has', () => {
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map((operation) => (operation as { operationId?: string }).operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
})

/**
 * OpenAPI matches concrete paths before templated ones, and templates of one shape are one path.
 */
function operationsAt(address: string): Readonly<Record<string, Operation>> | undefined {
  const matching = Object.keys(document.paths).filter((template) =>
    new RegExp(`^${template.replace(/\{\w+\}/, '.+')}$`).test(address),
  )
  const templates = matching.filter((template) => template.includes('{'))
  expect(templates.length).toBeLessThanOrEqual(1)
  return document.paths[matching.includes(address) ? address : (templates[0] ?? '')]
}

/** The content that the document gives for an answer at a path, or for a problem anywhere. */
function documented(method: string, path: string, status: number): Answer['content'] {
  const responses = operationsAt(path.split('?')[0] ?? '')?.[method.toLowerCase()]?.responses
  return (responses?.[status] ?? responses?.['default'])?.content
}

describe('an answer looks as the document says', () => {
  const upload = { 'Tus-Resumable': '1.0.0', 'Upload-Length': '10', 'Upload-Metadata': 'filename YQ==' }
  const merge = { 'Content-Type': 'application/merge-patch+json' }
  it.each<[string, string, RequestInit, number, SchemaName]>([
    ['a stored file', '/files/a', { method: 'PUT', body: 'x'.repeat(100_000) }, 201, 'File'],
    ['a replaced file', '/files/a', { method: 'PUT', body: 'y'.repeat(100_000) }, 200, 'File'],
    ['a form', '/files', { method: 'POST', body: form }, 201, 'StoredFiles'],
    ['a page of files', '/api/files?delimiter=/', {}, 200, 'FilePage'],
    ['a file', '/api/files/a', {}, 200, 'File'],
    ['a file with its chunks', '/api/files/a?chunks=1', {}, 200, 'File'],
    [
      'a changed file',
      '/api/files/a',
      { method: 'PATCH', headers: merge, body: '{"metadata":{"b":"c"}}' },
      200,
      'File',
    ],
    ['a page of uploads', '/api/uploads', {}, 200, 'UploadPage'],
    ['a live server', '/healthz', {}, 200, 'Alive'],
    ['a ready server', '/readyz', {}, 200, 'Ready'],
    ['the document', '/api/openapi.json', {}, 200, 'OpenApi'],
    ['a missing file', '/api/files/none', {}, 404, 'Problem'],
    ['a failed condition', '/files/a', { method: 'DELETE', headers: { 'If-Match': '"x"' } }, 412, 'Problem'],
  ])('%s', async (_, path, request, status, name) => {
    await fetch(`${server.url}/uploads`, { method: 'POST', headers: upload })
    const answer = await fetch(server.url + path, request)
    expect(answer.status).toBe(status)
    const type = answer.headers.get('content-type')!.replace(/;.*/, '')
    expect(documented(request.method ?? 'GET', path, status)?.[type]?.schema?.$ref).toBe(
      `#/components/schemas/${name}`,
    )
    expect(schemas[name].safeParse(await answer.json()).error).toBeUndefined()
  })
})
