import { randomBytes, randomUUID } from 'node:crypto'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { S3Credentials } from '../../src/chunks/s3/s3-options.ts'

export interface S3Place {
  readonly endpoint: string
  readonly bucket: string
  readonly credentials: S3Credentials
}

/**
 * The S3 SDK, used as its documentation shows, by a program that has no more to do than to move
 * objects.
 */
export class S3Alone {
  readonly #client: S3Client
  readonly #bucket: string
  readonly #objectBytes: number
  /**
   * One for each that is put at once. To the store one object is as good as another, so that none
   * is made anew.
   */
  readonly #bodies: readonly Buffer[]

  constructor({ endpoint, bucket, credentials }: S3Place, objectBytes: number, concurrency: number) {
    this.#client = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials,
      // What it would send otherwise, this engine does not verify.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: new NodeHttpHandler({ httpAgent: { keepAlive: true, maxSockets: concurrency } }),
    })
    this.#bucket = bucket
    this.#objectBytes = objectBytes
    this.#bodies = Array.from({ length: concurrency }, () => randomBytes(objectBytes))
  }

  /** Puts objects that are not there yet. Resolves with their keys. */
  put(bytes: number): Promise<readonly string[]> {
    return this.#each(bytes / this.#objectBytes, async (_, worker) => {
      const key = `alone/${randomUUID()}`
      const body = this.#bodies[worker]!
      await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: body }))
      return key
    })
  }

  /** Gets all of these objects, and forgets what comes. */
  async get(keys: readonly string[]): Promise<void> {
    await this.#each(keys.length, async (index) => {
      const { Body } = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: keys[index]! }),
      )
      let received = 0
      for await (const piece of Body as AsyncIterable<Buffer>) received += piece.length
      if (received !== this.#objectBytes) throw new Error(`${received} bytes came`)
    })
  }

  close(): void {
    this.#client.destroy()
  }

  async #each<T>(count: number, work: (index: number, worker: number) => Promise<T>): Promise<readonly T[]> {
    const results: T[] = []
    let begun = 0
    const workOn = async (_: unknown, worker: number) => {
      while (begun < count) results.push(await work(begun++, worker))
    }
    await Promise.all(this.#bodies.map(workOn))
    return results
  }
}
