import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { defaultSpace } from '../../../src/model/file.ts'
import { request, type Answer, type RequestOptions } from '../../support/http-request.ts'
import type { TestServer } from '../../support/test-server.ts'
import { get } from '../../http/sample.ts'
import { settled } from '../../http/settled.ts'

type Headers = NonNullable<RequestOptions['headers']>
type Body = RequestOptions['body']

export const offsetMediaType = 'application/offset+octet-stream'

export function tus(
  server: { readonly port: number },
  method: string,
  path: string,
  headers: Headers = {},
  body?: Body,
): Promise<Answer> {
  return request(server, method, path, {
    headers: { 'Tus-Resumable': '1.0.0', ...headers },
    ...(body !== undefined && { body }),
  })
}

export function create(server: { readonly port: number }, headers: Headers, body?: Body): Promise<Answer> {
  return tus(server, 'POST', '/uploads', headers, body)
}

export function patch(
  server: { readonly port: number },
  path: string,
  offset: number,
  body: Body = '',
  headers: Headers = {},
): Promise<Answer> {
  const all = { 'Content-Type': offsetMediaType, 'Upload-Offset': offset, ...headers }
  return tus(server, 'PATCH', path, all, body)
}

/** The address of a new upload, which has these bytes. */
export async function givenUpload(
  server: { readonly port: number },
  headers: Headers,
  bytes: Buffer | string = '',
): Promise<string> {
  const answer = await create(server, { 'Content-Type': offsetMediaType, ...headers }, bytes)
  if (answer.status !== 201) throw new Error(`POST /uploads: ${String(answer.body)}`)
  return locationIn(answer)
}

/** A partial upload that is complete. */
export function givenPart(server: { readonly port: number }, bytes: Buffer | string): Promise<string> {
  return givenUpload(server, { 'Upload-Concat': 'partial', 'Upload-Length': bytes.length }, bytes)
}

export function locationIn({ headers }: Answer): string {
  expect(headers.location).toMatch(/^\/uploads\/[0-9a-f-]{36}$/)
  return headers.location!
}

/** What `HEAD` says of the offset; undefined if the upload is not there. */
export async function offsetOf(server: { readonly port: number }, path: string): Promise<number | undefined> {
  const { status, headers } = await tus(server, 'HEAD', path)
  expect(status).toBe(headers['upload-offset'] === undefined ? 404 : 200)
  return headers['upload-offset'] === undefined ? undefined : Number(headers['upload-offset'])
}

/** The bytes of the file that the upload with this address has become. */
export async function fileOf(server: TestServer, path: string): Promise<Buffer> {
  const answer = await get(server, `@${idIn(path)}`)
  expect(answer.status).toBe(200)
  return answer.body
}

export function idIn(path: string): string {
  return path.slice('/uploads/'.length)
}

export function metadata(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

export function checksum(bytes: Buffer | string, algorithm = 'sha1'): string {
  return `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`
}

export async function unfinished({ store }: TestServer): Promise<readonly string[]> {
  const uploads = await store.catalog.listUploads(defaultSpace, 1000)
  return uploads.map(({ id }) => `/uploads/${id}`)
}

/**
 * Fails unless just these uploads are unfinished; ends them, and waits until the store is at rest
 * with only its files left.
 */
export async function endUploads(server: TestServer, paths?: readonly string[]): Promise<void> {
  const uploads = await unfinished(server)
  if (paths) expect(uploads).toEqual([...paths].sort())
  for (const path of uploads) expect((await tus(server, 'DELETE', path)).status).toBe(204)
  await settled(server)
}
