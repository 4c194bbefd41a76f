/** Stable names of everything that can go wrong; clients see them as `code`. */
export type ErrorCode =
  // what the request asked for
  | 'invalid_request'
  | 'invalid_name'
  | 'invalid_digest'
  | 'invalid_metadata'
  | 'not_found'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'precondition_failed'
  | 'name_taken'
  | 'offset_conflict'
  | 'range_not_satisfiable'
  | 'too_large'
  | 'incomplete_body'
  | 'digest_mismatch'
  | 'checksum_mismatch'
  | 'cross_origin'
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
  | 'record_moved'
  | 'internal'

/** The one error type. The message says what to do about it and may be shown to a client; the cause may not. */
export class StoreError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

export function isStoreError(error: unknown, code?: ErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code)
}
