import { HttpProblem } from '../render-errors.ts'

const types = 'https://iana.org/assignments/http-problem-types'

/**
 * "A response using this problem type SHOULD populate both members, with the value of expected-offset taken from the upload
 * resource and the value of provided-offset taken from the upload append request."
 */
export function mismatchingOffset(expected: number, provided: number): HttpProblem {
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
    'The upload is a file by now: ask with HEAD where it is.',
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
