import { request, type Answer, type RequestOptions } from '../../support/http-request.ts'
import { locationIn } from '../tus/tus-client.ts'

export type Headers = NonNullable<RequestOptions['headers']>
export type Body = RequestOptions['body']
type Server = { readonly port: number }

export const partialMediaType = 'application/partial-upload'

/** A request of the draft, as its clients send it. */
export function draft(
  server: Server,
  method: string,
  path: string,
  headers: Headers = {},
  body?: Body,
): Promise<Answer> {
  return request(server, method, path, {
    headers: { 'Upload-Draft-Interop-Version': '8', ...headers },
    ...(body !== undefined && { body }),
  })
}

/** A PATCH that goes on at `offset`; with `isLast` it completes the upload. */
export function append(
  server: Server,
  path: string,
  offset: number,
  body: Body,
  isLast: boolean,
  headers: Headers = {},
): Promise<Answer> {
  const all = {
    'Content-Type': partialMediaType,
    'Upload-Offset': offset,
    'Upload-Complete': isLast ? '?1' : '?0',
    ...headers,
  }
  return draft(server, 'PATCH', path, all, body)
}

/** The address of a new upload that has these bytes and waits for others. */
export async function givenUpload(server: Server, bytes: Body = '', headers: Headers = {}): Promise<string> {
  const answer = await draft(server, 'POST', '/uploads', { 'Upload-Complete': '?0', ...headers }, bytes)
  if (answer.status !== 201) throw new Error(`POST /uploads: ${String(answer.body)}`)
  return locationIn(answer)
}

/** What `HEAD` says. */
export async function stateOf(
  server: Server,
  path: string,
): Promise<readonly (number | string | undefined)[]> {
  const { status, headers } = await draft(server, 'HEAD', path)
  if (status !== 204) return [status]
  return [headers['upload-offset'], headers['upload-length'], headers['upload-complete']].map(String)
}

/** A problem of one of the types that the draft defines. */
export function typedProblemIn(answer: Answer): Readonly<Record<string, unknown>> {
  const { type, status, detail, ...members } = answer.json() as Record<string, unknown>
  if (status !== answer.status || typeof detail !== 'string') throw new Error(String(answer.body))
  const [prefix, name] = String(type).split('#')
  if (prefix !== 'https://iana.org/assignments/http-problem-types') throw new Error(String(type))
  return { ...members, requestId: undefined, status, type: name }
}
