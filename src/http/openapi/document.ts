import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { statusOf } from '../middleware/render-errors.ts'
import { headersOf, type Route } from '../route.ts'
import type { Content, Description } from './describe.ts'
import { schemas } from './schemas.ts'

/** Of the interface, not of the server. */
const version = '1'

/**
 * Makes an OpenAPI 3.1 document of rows. Rows of one method and path are alternatives: the first
 * one with a summary of its own leads, and what the others read, send and answer is added.
 */
export function openApiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  const rows = routes.filter(({ path }) => path === '/' || !path.endsWith('/'))
  for (const ofPath of Map.groupBy(rows, ({ path }) => path.replace(rest, '')).values()) {
    const path = toTemplate(ofPath)
    const operations = Map.groupBy(ofPath, ({ method }) => method)
    paths[path] = Object.fromEntries(
      [...operations].map(([method, alternatives]) => [
        method.toLowerCase(),
        toOperation(method, path, alternatives),
      ]),
    )
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Ashlar', version, summary: 'A chunked file store' },
    paths,
    components: { schemas: componentSchemas() },
  }
}

const rest = /\{\*\w+\}$/

/**
 * OpenAPI takes `/files/{name}` and `/files/{ref}` for one path, so rows share the more general
 * name. What stands behind the prefix may contain slashes, which OpenAPI cannot say.
 */
function toTemplate(routes: readonly Route[]): string {
  const paths = routes.map(({ path }) => path.replace('{*', '{'))
  return paths.find((path) => path.endsWith('{ref}')) ?? paths[0]!
}

function toOperation(method: string, path: string, routes: readonly Route[]): object {
  const descriptions = routes.map(({ about }) => about)
  const query = Object.assign({}, ...descriptions.map((each) => each.query)) as Description['query']
  const body = Object.assign({}, ...descriptions.map((each) => each.body)) as Content
  return {
    operationId: operationIdOf(method, path),
    summary: [...new Set(descriptions.map(({ summary }) => summary))].join('; or: '),
    'x-action': routes[0]!.action,
    parameters: [
      ...Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
        description: 'Percent-encoded; may contain slashes if it is a name',
      })),
      ...Object.entries(query ?? {}).map(([name, { about, schema = { type: 'string' } }]) => ({
        name,
        in: 'query',
        description: about,
        schema,
      })),
      ...headersOf(routes, 'reads').map((name) => ({ name, in: 'header', schema: { type: 'string' } })),
    ],
    ...(Object.keys(body).length > 0 && { requestBody: { content: toContent(body) } }),
    responses: toResponses(method, routes),
  }
}

function toResponses(method: string, routes: readonly Route[]): object {
  const headers = Object.fromEntries(
    headersOf(routes, 'sends').map((name) => [name, { schema: { type: 'string' } }]),
  )
  const answers = Object.assign({}, ...routes.map(({ about }) => about.answers)) as Description['answers']
  const problems = Map.groupBy(new Set(routes.flatMap(({ about }) => about.problems ?? [])), (code) =>
    statusOf(code),
  )
  return {
    ...Object.fromEntries(
      Object.entries(answers).map(([status, content]) => [
        status,
        {
          description: STATUS_CODES[status] ?? 'Done',
          headers,
          ...(method !== 'HEAD' && Object.keys(content).length > 0 && { content: toContent(content) }),
        },
      ]),
    ),
    ...Object.fromEntries(
      [...problems].map(([status, codes]) => [
        status,
        { description: codes.map((code) => `\`${code}\``).join(', '), content: problemContent },
      ]),
    ),
    default: { description: 'A problem that any request can meet', content: problemContent },
  }
}

const problemContent = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
}

function toContent(content: Content): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, name]) => {
      // OpenAPI 3.1: raw bytes have a media type and no schema.
      if (name === 'bytes') return [type, {}]
      if (name === 'text') return [type, { schema: { type: 'string' } }]
      return [type, { schema: { $ref: `#/components/schemas/${name}` } }]
    }),
  )
}

function operationIdOf(method: string, path: string): string {
  const words = path.split(/[^a-z]+/i).filter((word) => word !== '')
  return [method.toLowerCase(), ...words.map((word) => word[0]!.toUpperCase() + word.slice(1))].join('')
}

function componentSchemas(): object {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema: _, ...json } = z.toJSONSchema(schema)
      return [name, json]
    }),
  )
}
