/** Stable names of everything that can go wrong. Clients see them as `code`. */
export type ErrorCode =
  // what the request asked for
  | 'invalid_request'
  | 'invalid_name'
  | 'invalid_digest'
  | 'invalid_metadata'
  | 'not_found'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'precondition_failed'
  | 'name_taken'
  | 'offset_conflict'
  | 'range_not_satisfiable'
  | 'length_required'
  | 'too_large'
  | 'incomplete_body'
  | 'digest_mismatch'
  | 'checksum_mismatch'
  | 'cross_origin'
  | 'host_not_allowed'
  | 'forbidden'
  | 'timeout'
  | 'aborted'
  // what the server could not do
  | 'corrupt'
  | 'no_space'
  | 'unavailable'
  | 'overloaded'
  | 'chunk_gone'
  | 'not_implemented'
  | 'manifest_moved'
  | 'internal'

/**
 * The one error type. Its message says what to do about it and may be shown to a client. Its cause
 * may not.
 */
export class StoreError extends Error {
  readonly code: ErrorCode
  /**
   * True if the call certainly changed nothing. Otherwise a change may have been committed: delete
   * nothing that the change could refer to.
   */
  readonly isRefusal: boolean

  constructor(
    code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly isRefusal?: boolean },
  ) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
    this.isRefusal = options?.isRefusal ?? false
  }
}

/** Marks the error as a refusal. Returns errors of other types as they are. */
export function asRefusal(error: unknown): unknown {
  if (!isStoreError(error) || error.isRefusal) return error
  const refusal = new StoreError(error.code, error.message, { cause: error.cause, isRefusal: true })
  if (error.stack !== undefined) refusal.stack = error.stack
  return refusal
}

/** Whether the call that rejected with this error certainly changed nothing. */
export function isRefusal(error: unknown): boolean {
  return isStoreError(error) && error.isRefusal
}

export function isStoreError(error: unknown, code?: ErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code)
}
