import { request } from '../support/http-request.ts'
import type { Upload } from './upload.ts'
import { Violation } from './violation.ts'

export const version = { 'Tus-Resumable': '1.0.0' }

/** How far the server says that an upload is; undefined if there is none. */
export async function offsetOf(port: number, { path, name, size }: Upload): Promise<number | undefined> {
  const { status, headers } = await request({ port }, 'HEAD', path, { headers: version })
  if (status === 404) return undefined
  const offset = Number(headers['upload-offset'] ?? NaN)
  const isRight = headers['upload-length'] === undefined || Number(headers['upload-length']) === size
  if (status === 200 && isRight && offset >= 0) return offset
  throw new Violation(`HEAD ${path} was answered ${status}, ${JSON.stringify(headers)}`, name)
}
