import type { AppendRequest, MisfitError } from '../../files/resume/append-to-upload.ts'
import type { FileStoreOptions } from '../../files/state/file-store.ts'
import type { StoreError } from '../../model/errors.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'

const types = 'https://iana.org/assignments/http-problem-types'

/** Says in the draft's words why the request does not fit the upload. */
export function misfitProblem(
  error: MisfitError,
  { from, length, size }: AppendRequest,
  { maxFileSize }: FileStoreOptions,
): StoreError {
  const { upload, code, message } = error
  if (code === 'too_large' && (upload.size ?? size ?? Infinity) > maxFileSize) return error
  if (code !== 'offset_conflict') return inconsistentLength(message)
  // "If the Upload-Offset request header field value does not match the current offset, the upload
  // resource MUST reject the request with a 409 (Conflict) status code."
  if (upload.offset !== from) return mismatchingOffset(upload.offset, from)
  // "If the upload is already complete, the server MUST NOT modify the upload resource and MUST
  // reject the request. … If the client attempted to append a non-zero length document, the server
  // MUST treat this as an inconsistent length failure."
  return length === 0 ? completedUpload() : inconsistentLength('The upload has become a file of this length.')
}

/**
 * "A response using this problem type SHOULD populate both members, with the value of
 * expected-offset taken from the upload resource and the value of provided-offset taken from the
 * upload append request."
 */
function mismatchingOffset(expected: number, provided: number): HttpProblem {
  return new HttpProblem(
    'offset_conflict',
    `The upload is at ${expected}: continue from there.`,
    // "The response MUST include the correct offset in the Upload-Offset header field."
    { 'Upload-Offset': String(expected) },
    {
      type: `${types}#mismatching-upload-offset`,
      title: 'Mismatching Upload Offset',
      'expected-offset': expected,
      'provided-offset': provided,
    },
  )
}

/** "the upload has already been completed and cannot be modified". */
export function completedUpload(): HttpProblem {
  return new HttpProblem(
    'invalid_request',
    'The upload has become a file: HEAD tells its address.',
    {},
    { type: `${types}#completed-upload`, title: 'Upload Is Completed' },
  )
}

/** "the request includes inconsistent upload length values". */
export function inconsistentLength(detail: string): HttpProblem {
  return new HttpProblem(
    'invalid_request',
    detail,
    {},
    { type: `${types}#inconsistent-upload-length`, title: 'Inconsistent Upload Length Values' },
  )
}
