import { StoreError } from '../../model/errors.ts'
import type { Conditions } from '../files/delete-file.ts'
import type { FileInfo } from '../files/file-info.ts'

/**
 * Throws `precondition_failed` if the server is bound to refuse in the end. The server checks again
 * then.
 */
export function refuseEarly(present: FileInfo | undefined, { ifMatch, ifNoneMatch }: Conditions): void {
  const isMet =
    (ifMatch === undefined || isIn(ifMatch, present)) &&
    (ifNoneMatch === undefined || !isIn(ifNoneMatch, present))
  if (!isMet) {
    throw new StoreError(
      'precondition_failed',
      'The stored file does not match the precondition: fetch its current ETag.',
    )
  }
}

function isIn(etags: string, file: FileInfo | undefined): boolean {
  return file !== undefined && (etags.trim() === '*' || etags.includes(file.etag))
}
