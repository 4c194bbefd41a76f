import type { Description } from '../../http/openapi/describe.ts'

const json = 'application/json'
const partial = 'application/partial-upload'
const always = ['Upload-Draft-Interop-Version']
const preconditions = ['If-Match', 'If-None-Match', 'If-Unmodified-Since']
const ofBody = ['Content-Type', 'Content-Encoding', 'Content-Digest', 'Repr-Digest', 'Upload-Complete']
const sent = ['Upload-Complete', 'Upload-Offset', 'Upload-Limit', 'Upload-Draft-Interop-Version']
const refusals = [
  'invalid_request',
  'digest_mismatch',
  'incomplete_body',
  'precondition_failed',
  'too_large',
  'no_space',
] as const

/** What the OpenAPI document says of the routes of this front. */
export const about = {
  put: {
    summary: 'Store a file by a resumable upload (IETF draft)',
    reads: [...always, ...preconditions, ...ofBody, 'Upload-Length', 'Upload-Metadata'],
    answers: { 201: { [json]: 'File' }, 200: { [json]: 'File' } },
    sends: [...sent, 'Location', 'ETag'],
    problems: refusals,
  },
  refuseOlder: {
    summary: 'Refuse older versions of the IETF draft',
    reads: ['Upload-Draft-Interop-Version', 'Upload-Incomplete'],
    answers: {},
    problems: ['invalid_request'],
  },
  post: {
    summary: 'Create an upload (IETF draft)',
    reads: [...always, ...ofBody, 'Content-Disposition', 'Upload-Length', 'Upload-Metadata'],
    answers: { 201: {}, 200: { [json]: 'File' } },
    sends: [...sent, 'Location', 'ETag'],
    problems: refusals,
  },
  showState: {
    summary: 'Tell how far an upload is (IETF draft)',
    reads: always,
    answers: { 204: {} },
    sends: [...sent, 'Upload-Length', 'Content-Location'],
    problems: ['not_found'],
  },
  append: {
    summary: 'Append to an upload (IETF draft)',
    reads: [...always, ...preconditions, ...ofBody, 'Upload-Offset', 'Upload-Length'],
    body: { [partial]: 'bytes' },
    answers: { 204: {}, 200: { [json]: 'File' }, 201: { [json]: 'File' } },
    sends: [...sent, 'Accept-Patch', 'Location', 'ETag'],
    problems: ['not_found', 'offset_conflict', 'unsupported_media_type', ...refusals],
  },
  cancel: {
    summary: 'Delete an upload (IETF draft)',
    reads: always,
    answers: { 204: {} },
    problems: ['not_found'],
  },
} as const satisfies Readonly<Record<string, Description>>
