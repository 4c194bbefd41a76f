import { StoreError } from '../../model/errors.ts'

/**
 * Makes the `next` of a page opaque, so that nobody builds on what it says, and safe to put into an
 * address.
 */
export function toCursor(next: string): string {
  return Buffer.from(next).toString('base64url')
}

/** Inverse of `toCursor`. Throws `invalid_request` on what it never returns. */
export function fromCursor(cursor: string): string {
  const next = Buffer.from(cursor, 'base64url').toString()
  if (next === '' || toCursor(next) !== cursor || /\p{Cc}/u.test(next)) {
    throw new StoreError('invalid_request', 'The cursor must be one that a page before returned, unchanged.')
  }
  return next
}
