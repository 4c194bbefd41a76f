import type { Description } from '../../http/openapi/describe.ts'

const offsetMediaType = 'application/offset+octet-stream'
const always = ['Tus-Resumable']
const preconditions = ['If-Match', 'If-None-Match', 'If-Unmodified-Since']
const ofBody = ['Content-Type', 'Content-Digest', 'Repr-Digest', 'Upload-Checksum']
const progress = ['Upload-Offset', 'Upload-Expires', 'Content-Location', 'ETag', 'Tus-Resumable']

/** What the OpenAPI document says of the routes of this front. */
export const about = {
  capabilities: {
    summary: 'Show what of tus 1.0 the server can do',
    answers: { 204: {} },
    sends: ['Tus-Version', 'Tus-Extension', 'Tus-Checksum-Algorithm', 'Tus-Max-Size', 'Tus-Resumable'],
  },
  create: {
    summary: 'Create an upload (tus)',
    reads: [
      ...always,
      ...preconditions,
      ...ofBody,
      'Upload-Length',
      'Upload-Defer-Length',
      'Upload-Metadata',
      'Upload-Concat',
      'X-HTTP-Method-Override',
    ],
    body: { [offsetMediaType]: 'bytes' },
    answers: { 201: {} },
    sends: [...progress, 'Location', 'Upload-Concat'],
    problems: ['invalid_request', 'invalid_name', 'precondition_failed', 'too_large', 'no_space'],
  },
  showOffset: {
    summary: 'Tell how far an upload is (tus)',
    reads: [...always, ...preconditions],
    answers: { 200: {} },
    sends: [...progress, 'Upload-Length', 'Upload-Defer-Length', 'Upload-Metadata', 'Upload-Concat'],
    problems: ['not_found'],
  },
  append: {
    summary: 'Append to an upload (tus)',
    reads: [...always, ...preconditions, ...ofBody, 'Upload-Offset', 'Upload-Length'],
    body: { [offsetMediaType]: 'bytes' },
    answers: { 204: {} },
    sends: progress,
    problems: [
      'invalid_request',
      'incomplete_body',
      'forbidden',
      'not_found',
      'offset_conflict',
      'precondition_failed',
      'too_large',
      'unsupported_media_type',
      'checksum_mismatch',
      'no_space',
    ],
  },
  terminate: {
    summary: 'Delete an upload (tus)',
    reads: always,
    answers: { 204: {} },
    problems: ['not_found'],
  },
} as const satisfies Readonly<Record<string, Description>>
