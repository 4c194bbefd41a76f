import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { StoreError } from '../../model/errors.ts'
import { orAborted } from '../../model/abortable.ts'
import { PiecesBody } from './pieces-body.ts'

const bytesPerTurn = 4 * 1024 * 1024

export interface ObjectPage {
  readonly objects: readonly { readonly key: string; readonly size: number }[]
  /** The token to request the next page with; absent on the last one. */
  readonly next?: string
}

export interface ListedObjects {
  readonly prefix: string
  /** `next` of the previous page. */
  readonly from?: string | undefined
  /** Only keys after this one. */
  readonly startAfter?: string | undefined
  readonly signal: AbortSignal | undefined
  readonly limit?: number
}

/**
 * The requests that the store sends to one bucket. They reject with the error of the SDK, or with
 * the reason of their signal.
 */
export class Bucket {
  readonly #client: S3Client
  readonly #name: string

  constructor(client: S3Client, name: string) {
    this.#client = client
    this.#name = name
  }

  /**
   * Resolves once the server has stored the object and compared it with the digest that was sent
   * along. When it settles, nothing reads the pieces any more. With `ifAbsent`, a server that
   * supports conditions answers 412 or 409 if the object exists.
   */
  async put(
    key: string,
    pieces: readonly Uint8Array[],
    signal: AbortSignal | undefined,
    { ifAbsent = false } = {},
  ): Promise<void> {
    const body = new PiecesBody(pieces)
    const size = pieces.reduce((total, { length }) => total + length, 0)
    const command = new PutObjectCommand({
      Bucket: this.#name,
      Key: key,
      Body: body,
      ContentLength: size,
      ...(ifAbsent && { IfNoneMatch: '*' }),
    })
    const digest = await sha256Of(pieces)
    // Every server verifies this checksum, and it is faster than MD5. The signature covers it.
    command.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { readonly headers: Record<string, string> }
        request.headers['x-amz-content-sha256'] = digest
        return next(args)
      },
      { step: 'build' },
    )
    try {
      await orAborted(this.#client.send(command, withSignal(signal)), signal)
    } finally {
      await body.release()
    }
  }

  /** The object's bytes from `from` to `to` or to its end. */
  async get(key: string, from: number, to: number, signal: AbortSignal): Promise<Readable> {
    const command = new GetObjectCommand({ Bucket: this.#name, Key: key, Range: `bytes=${from}-${to - 1}` })
    const { Body, ContentRange } = await this.#client.send(command, withSignal(signal))
    if (!(Body instanceof Readable)) throw new TypeError('the response has no stream')
    if (ContentRange?.startsWith(`bytes ${from}-`)) return Body
    Body.destroy()
    throw new StoreError(
      'unavailable',
      'The S3 store does not send ranges of objects: check the proxy in front of it.',
    )
  }

  /** Also resolves if there is no such object. */
  async delete(key: string, signal: AbortSignal | undefined): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.#name, Key: key })
    try {
      await orAborted(this.#client.send(command, withSignal(signal)), signal)
    } catch (error) {
      // S3 does not answer this, but some servers do.
      if (!isNoSuchKey(error)) throw error
    }
  }

  /** One page of objects, sorted by key. */
  async list({ prefix, from, startAfter, signal, limit }: ListedObjects): Promise<ObjectPage> {
    const command = new ListObjectsV2Command({
      Bucket: this.#name,
      Prefix: prefix,
      ContinuationToken: from,
      StartAfter: startAfter,
      MaxKeys: limit,
    })
    const page = await orAborted(this.#client.send(command, withSignal(signal)), signal)
    const objects = (page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key, size: Size }))
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined
    if (page.IsTruncated === true && next === undefined) {
      throw new StoreError('unavailable', 'The S3 store has more objects and does not say how to list them.')
    }
    return { objects, ...(next !== undefined && { next }) }
  }

  /** Closes all connections. */
  close(): void {
    this.#client.destroy()
  }
}

/** Whether the server says that the object does not exist. */
export function isNoSuchKey(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchKey'
}

function withSignal(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {}
}

/** Yields between pieces, because a chunk may be large: 4 MiB take 2 ms to 6 ms. */
async function sha256Of(pieces: readonly Uint8Array[]): Promise<string> {
  const hash = createHash('sha256')
  let hashed = 0
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += bytesPerTurn) {
      const part = piece.subarray(at, at + bytesPerTurn)
      hash.update(part)
      hashed += part.length
      if (hashed < bytesPerTurn) continue
      hashed = 0
      await setImmediate()
    }
  }
  return hash.digest('hex')
}
