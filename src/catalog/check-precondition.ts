import type { Digest } from '../model/digest.ts'
import { StoreError } from '../model/errors.ts'
import type { Precondition } from './catalog.ts'

/** Throws `precondition_failed` unless the precondition holds for the current file, if any. */
export function checkPrecondition(
  precondition: Precondition | undefined,
  current: { readonly digest: Digest; readonly modifiedAt: number } | undefined,
): void {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSince } = precondition ?? {}
  if (ifMatch !== undefined && !isAmong(current, ifMatch)) {
    const found = current ? 'has other content by now' : 'is not there'
    throw new StoreError('precondition_failed', `The file ${found}: look at it again before changing it.`)
  }
  if (ifUnmodifiedSince !== undefined && current && current.modifiedAt >= ifUnmodifiedSince + 1000) {
    throw new StoreError(
      'precondition_failed',
      'The file was modified since: look at it again before changing it.',
    )
  }
  if (ifNoneMatch !== undefined && isAmong(current, ifNoneMatch)) {
    throw new StoreError(
      'precondition_failed',
      'A file with this name already exists: choose another name or drop the precondition.',
    )
  }
}

function isAmong(current: { readonly digest: Digest } | undefined, wanted: '*' | readonly string[]): boolean {
  return current !== undefined && (wanted === '*' || wanted.includes(current.digest))
}
