import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { isStoreError, StoreError } from '../../model/errors.ts'
import type { Bucket } from './bucket.ts'
import { s3Error } from './s3-error.ts'

/**
 * Checks that the bucket can be listed. Unless it is only read, also writes, reads and deletes an
 * object whose name no chunk can have. Rejects `unavailable` or `internal` with what to check. Each
 * step takes at most `timeoutMs`. `name` is how messages call the bucket.
 */
export async function checkBucket(
  bucket: Bucket,
  prefix: string,
  name: string,
  timeoutMs: number,
  isReadOnly: boolean,
): Promise<void> {
  const key = `${prefix}probe.${randomBytes(8).toString('hex')}`
  const bytes = Buffer.from('Ashlar looks whether it can write here.\n')

  const step = async (attempt: string, run: (signal: AbortSignal) => Promise<unknown>) => {
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      await run(signal)
    } catch (error) {
      if (!signal.aborted) throw explained(error, `Cannot ${attempt} ${name}`)
      const message = `Cannot ${attempt} ${name}: no answer within ${timeoutMs / 1000} s. Look whether the S3 store runs, and whether it is full.`
      throw new StoreError('unavailable', message, { cause: error })
    }
  }

  await step('list', (signal) => bucket.list({ prefix, signal, limit: 1 }))
  if (isReadOnly) return
  await step('write to', (signal) => bucket.put(key, [bytes], signal))
  await step('read from', async (signal) => buffer(await bucket.get(key, 0, bytes.length, signal)))
  await step('delete from', (signal) => bucket.delete(key, signal))
}

/** An error that the SDK throws before it sends anything is about the options. */
function explained(error: unknown, attempt: string): unknown {
  const known = s3Error(error, attempt)
  if (isStoreError(known) || !(error instanceof Error)) return known
  return new StoreError('internal', `${attempt}: ${error.message}`, { cause: error })
}
