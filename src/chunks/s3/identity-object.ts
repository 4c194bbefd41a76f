import { buffer } from 'node:stream/consumers'
import { isStoreError, StoreError } from '../../model/errors.ts'
import { identityName } from '../../model/store-identity.ts'
import type { S3ChunkStoreOptions } from './s3-options.ts'
import { s3Error, statusOf } from './s3-error.ts'

type Options = Pick<
  S3ChunkStoreOptions,
  'endpoint' | 'region' | 'bucket' | 'prefix' | 'isPathStyle' | 'openTimeoutMs' | 'credentials'
>

/** More than an identity ever has. */
const mostBytes = 64 * 1024

/** The object in which a store in a bucket keeps its identity. All calls reject `unavailable`. */
export async function openIdentityObject({
  bucket: name,
  prefix = '',
  openTimeoutMs = 10_000,
  objectName = identityName,
  ...options
}: Options & { readonly objectName?: string }) {
  const { Bucket, isNoSuchKey } = await import('./bucket.ts')
  const { createClient } = await import('./create-client.ts')
  const bucket = new Bucket(createClient({ ...options }, 1), name)
  const key = `${prefix}${objectName}`
  const attempt = async <T>(doing: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(openTimeoutMs)
    try {
      return await call(signal)
    } catch (error) {
      const attempted = `Cannot ${doing} s3://${name}/${key}`
      if (!signal.aborted) {
        const known = s3Error(error, attempted)
        if (isStoreError(known) || !(error instanceof Error)) throw known
        // An error that the SDK throws before it sends anything is about the options.
        throw new StoreError('internal', `${attempted}: ${error.message}`, { cause: error })
      }
      const message = `${attempted}: no answer within ${openTimeoutMs / 1000} s. Check that the S3 store runs and is not full.`
      throw new StoreError('unavailable', message, { cause: error })
    }
  }
  return {
    /** Undefined if there is none. */
    read: () =>
      attempt('read', async (signal) => {
        try {
          const text = await buffer(await bucket.get(key, 0, mostBytes, signal))
          return text.toString('utf8')
        } catch (error) {
          if (isNoSuchKey(error)) return undefined
          throw error
        }
      }),
    /** Leaves an existing one alone, on servers that support conditions. */
    create: (text: string) =>
      attempt('create', async (signal) => {
        try {
          await bucket.put(key, [Buffer.from(text)], signal, { ifAbsent: true })
        } catch (error) {
          if (statusOf(error) !== 412 && statusOf(error) !== 409) throw error
        }
      }),
    /** Overwrites an existing one. */
    replace: (text: string) => attempt('write', (signal) => bucket.put(key, [Buffer.from(text)], signal)),
    close: () => bucket.close(),
  }
}
