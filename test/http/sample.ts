import { randomBytes } from 'node:crypto'
import type { Digest } from '../../src/model/digest.ts'
import { BlockHasher, digestOfChunk, FileHasher } from '../../src/model/hashers.ts'
import type { StoredFile } from '../../src/model/file.ts'
import { request, type Answer, type RequestOptions } from '../support/http-request.ts'
import type { TestServer } from '../support/test-server.ts'

export const KiB = 1024
export const MiB = 1024 * 1024

/** Bytes that no other file has. */
export function sample(size: number): Buffer {
  return randomBytes(size)
}

/** The digest of a file that is cut at every `chunkSize` bytes. */
export function digestOf(bytes: Buffer, chunkSize: number): Digest {
  const file = new FileHasher()
  const blocks = new BlockHasher()
  for (let at = 0; at < bytes.length; at += chunkSize) {
    blocks.update(bytes.subarray(at, at + chunkSize))
    file.add(digestOfChunk(blocks.finish()))
  }
  return file.digest()
}

/** The bytes in pieces, which goes out chunked. */
export async function* inPieces(bytes: Buffer, pieceBytes = 50_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

export function put(
  server: TestServer,
  name: string,
  body: RequestOptions['body'] = '',
  headers: RequestOptions['headers'] = {},
): Promise<Answer> {
  return request(server, 'PUT', `/files/${name}`, { body, headers })
}

export function get(
  server: TestServer,
  name: string,
  headers: RequestOptions['headers'] = {},
): Promise<Answer> {
  return request(server, 'GET', `/files/${name}`, { headers })
}

/** A file as the API shows it. */
export type FileInfo = Omit<StoredFile, 'space' | 'createdAt' | 'modifiedAt'> & {
  readonly etag: string
  readonly createdAt: string
  readonly modifiedAt: string
}

export function infoIn(answer: Answer): FileInfo {
  return answer.json() as FileInfo
}

/** Puts a file that must not be refused. */
export async function given(
  server: TestServer,
  name: string,
  body: RequestOptions['body'] = sample(100),
  headers: RequestOptions['headers'] = {},
): Promise<FileInfo> {
  const answer = await put(server, name, body, headers)
  if (answer.status !== 201 && answer.status !== 200) throw new Error(`PUT ${name}: ${String(answer.body)}`)
  return infoIn(answer)
}
