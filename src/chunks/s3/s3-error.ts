import { StoreError, type ErrorCode } from '../../model/errors.ts'

/** What engines answer to who has no room left, beside the status 507. */
const fullNames = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull'])

/** Refusals that came of how the request was received: the same one may do better. */
const transientNames = new Set([
  'SlowDown',
  'RequestTimeout',
  'BadDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
])

const advice: Readonly<Record<string, string>> = {
  NoSuchBucket: 'create the bucket, or correct its name',
  InvalidAccessKeyId: 'check the access key',
  SignatureDoesNotMatch: 'check the secret key and the region',
  AccessDenied: 'check what the credentials may do with this bucket',
  ExpiredToken: 'renew the credentials',
  RequestTimeTooSkewed: "set this machine's clock",
  PermanentRedirect: 'check the region and the endpoint',
  AuthorizationHeaderMalformed: 'check the region',
}

/**
 * What a caller is told about a failed request, with what the SDK reports as the cause: `no_space`;
 * `unavailable` for what may pass by itself; `internal` for a refusal that stays until somebody
 * changes the configuration or the bucket. What neither the engine nor the network has reported (an
 * abort, a mistake in the program) stays what it is.
 */
export function s3Error(error: unknown, attempt: string): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error
  const found = diagnose(error)
  return found ? new StoreError(found.code, `${attempt}: ${found.problem}`, { cause: error }) : error
}

function diagnose(error: Error): { readonly code: ErrorCode; readonly problem: string } | undefined {
  const { name, message } = error
  const status = statusOf(error)
  if (status !== undefined) {
    const answer = `(${name}, HTTP ${status})`
    if (status === 507 || fullNames.has(name)) {
      const problem = `the S3 store is full ${answer}. Add space, or raise the quota.`
      return { code: 'no_space', problem }
    }
    if (status >= 500 || status === 408 || status === 429 || transientNames.has(name))
      return { code: 'unavailable', problem: `the S3 store cannot do it just now ${answer}.` }
    const hint = advice[name] ?? 'check the endpoint, the bucket and the credentials'
    return { code: 'internal', problem: `the S3 store refuses ${answer}: ${hint}.` }
  }
  if (name === 'CredentialsProviderError') {
    const problem = `there are no credentials for the S3 store: ${message.replaceAll(/\s+/g, ' ').trim()}`
    return { code: 'internal', problem }
  }
  const code = codeOfNetwork(error)
  return code === undefined
    ? undefined
    : { code: 'unavailable', problem: `the S3 store cannot be reached (${code}).` }
}

/** The HTTP status of what the engine has answered; undefined if it has not. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  return (error.$metadata as { readonly httpStatusCode?: number }).httpStatusCode
}

function codeOfNetwork(error: Error): string | undefined {
  const isMistake = error instanceof TypeError || error instanceof RangeError
  return 'code' in error && typeof error.code === 'string' && !isMistake ? error.code : undefined
}
