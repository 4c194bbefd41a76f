import { request, type Answer, type RequestOptions } from '../support/http-request.ts'
import type { TestServer } from '../support/test-server.ts'

export const boundary = 'a-boundary'

export interface Part {
  /** Lines of the part's header. */
  readonly head: readonly string[]
  readonly content: Buffer | string
}

/** A part with a file. The name is written as it is given. */
export function filePart(name: string, content: Buffer | string, mediaType?: string): Part {
  const disposition = `Content-Disposition: form-data; name="files"; filename="${name}"`
  return {
    head: mediaType === undefined ? [disposition] : [disposition, `Content-Type: ${mediaType}`],
    content,
  }
}

/** A part with a value. */
export function fieldPart(name: string, content: string): Part {
  return { head: [`Content-Disposition: form-data; name="${name}"`], content }
}

/** The parts and the end of the form. */
export function form(parts: readonly Part[]): Buffer {
  const encoded = parts.flatMap(({ head, content }) => [
    Buffer.from(`--${boundary}\r\n${head.join('\r\n')}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...encoded, Buffer.from(`--${boundary}--\r\n`)])
}

export function post(
  server: TestServer,
  body: Buffer | AsyncIterable<Buffer>,
  contentType = `multipart/form-data; boundary=${boundary}`,
  headers: RequestOptions['headers'] = {},
): Promise<Answer> {
  return request(server, 'POST', '/files', { body, headers: { 'Content-Type': contentType, ...headers } })
}
