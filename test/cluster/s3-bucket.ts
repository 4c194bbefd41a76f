import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { onTestFinished } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { openS3ChunkStore } from '../../src/chunks/s3/open-s3-chunk-store.ts'
import type { S3ChunkStoreOptions, S3Credentials } from '../../src/chunks/s3/s3-options.ts'
import type { CephCluster } from './ceph-cluster.ts'

let prefixes = 0

/** A bucket of the real store, looked at without ours. */
export class S3Bucket {
  readonly name: string
  readonly #client: S3Client
  readonly #options: S3ChunkStoreOptions

  private constructor(client: S3Client, options: S3ChunkStoreOptions) {
    this.#client = client
    this.#options = options
    this.name = options.bucket
  }

  static async create(ceph: CephCluster, name: string, credentials?: S3Credentials): Promise<S3Bucket> {
    const { endpoint } = ceph.settings
    const used = credentials ?? ceph.settings.credentials
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: used })
    await client.send(new CreateBucketCommand({ Bucket: name }))
    return new S3Bucket(client, {
      endpoint,
      region: 'us-east-1',
      bucket: name,
      isPathStyle: true,
      credentials: used,
    })
  }

  /** For a store that nobody else has anything in. */
  options(): S3ChunkStoreOptions & { readonly prefix: string } {
    prefixes += 1
    return { ...this.#options, prefix: `store-${prefixes}/` }
  }

  /** Until the test is over. */
  async openStore(others: Partial<S3ChunkStoreOptions> = {}): Promise<ChunkStore> {
    const store = await openS3ChunkStore({ ...this.options(), ...others })
    onTestFinished(() => store.close())
    return store
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const { Contents = [] } = await this.#client.send(
      new ListObjectsV2Command({ Bucket: this.name, Prefix: prefix }),
    )
    return Contents.map(({ Key = '' }) => Key)
  }

  async put(key: string, content: string): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: content }))
  }

  /** Lets another user list and read it, and no more. */
  async allowReading(user: string): Promise<void> {
    await this.#rule({
      Effect: 'Allow',
      Principal: { AWS: [`arn:aws:iam:::user/${user}`] },
      Action: ['s3:ListBucket', 's3:GetObject'],
      Resource: [`arn:aws:s3:::${this.name}`, `arn:aws:s3:::${this.name}/*`],
    })
  }

  /** Lets nobody put anything, its space neither. */
  async refuseWriting(): Promise<void> {
    const Resource = [`arn:aws:s3:::${this.name}/*`]
    await this.#rule({ Effect: 'Deny', Principal: { AWS: ['*'] }, Action: ['s3:PutObject'], Resource })
  }

  async endRules(): Promise<void> {
    await this.#client.send(new DeleteBucketPolicyCommand({ Bucket: this.name }))
  }

  async #rule(statement: object): Promise<void> {
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: statement })
    await this.#client.send(new PutBucketPolicyCommand({ Bucket: this.name, Policy: policy }))
  }

  close(): void {
    this.#client.destroy()
  }
}
