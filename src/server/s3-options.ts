import type { Config } from '../config/config.ts'
import type { StoreAddress } from './addresses.ts'

/** Options of every client of the bucket. */
export function s3Options(
  { s3Endpoint, s3Region, s3Addressing, s3TimeoutMs }: Config,
  { bucket }: StoreAddress & { readonly kind: 's3' },
) {
  return {
    bucket,
    region: s3Region,
    ...(s3Endpoint !== 'aws' && { endpoint: s3Endpoint }),
    isPathStyle: s3Addressing === 'path' || (s3Addressing === 'auto' && s3Endpoint !== 'aws'),
    openTimeoutMs: s3TimeoutMs,
  }
}
