import { randomBytes } from 'node:crypto'
import { request, type Answer, type RequestOptions } from '../test/support/http-request.ts'

/** What the server cuts at, unless told otherwise. */
export const chunkBytes = 8 * 1024 * 1024
const filling = randomBytes(chunkBytes - 8)
const offsetType = { 'Content-Type': 'application/offset+octet-stream' }

/** Speaks tus to one server. Whatever is not a success rejects. */
export class BenchUploads {
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  /** The address of a new upload. */
  async create(headers: Readonly<Record<string, string | number>>): Promise<string> {
    const { headers: answered } = await this.#send('POST', '/uploads', headers)
    return answered.location!
  }

  /**
   * Appends chunks of which no two are alike, counted from `firstChunk`. They are the same in every
   * call, so the server has most of them already: it checks them instead of writing them.
   */
  async fill(path: string, offset: number, bytes: number, firstChunk: number): Promise<void> {
    await this.append(path, offset, {}, chunks(firstChunk, bytes), bytes)
  }

  async append(
    path: string,
    offset: number,
    headers: Readonly<Record<string, string | number>>,
    body: RequestOptions['body'],
    length: number,
  ): Promise<void> {
    const all = { ...offsetType, 'Upload-Offset': offset, 'Content-Length': length, ...headers }
    await this.#send('PATCH', path, all, body)
  }

  async #send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    body: RequestOptions['body'] = '',
  ): Promise<Answer> {
    const all = { 'Tus-Resumable': '1.0.0', ...headers }
    const answer = await request({ port: this.#port }, method, path, { headers: all, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${String(answer.body)}`)
    return answer
  }
}

async function* chunks(first: number, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0, index = first; at < bytes; at += chunkBytes, index++) {
    const head = Buffer.alloc(8)
    head.writeBigUInt64BE(BigInt(index))
    const length = Math.min(chunkBytes, bytes - at)
    yield head.subarray(0, length)
    yield filling.subarray(0, Math.max(0, length - head.length))
  }
}
