import type { Description } from '../../http/openapi/describe.ts'

const json = 'application/json'
const anything = '*/*'
const changing = ['If-Match', 'If-Unmodified-Since']
const cursor = { about: 'The cursor of the page before' }
const chunks = { about: '1 for the list of chunks, too', schema: { type: 'string', enum: ['1'] } }

/** What the OpenAPI document says of the routes of this front. */
export const about = {
  putFile: {
    summary: 'Store a file',
    reads: [
      ...changing,
      'If-None-Match',
      'Content-Type',
      'Content-Encoding',
      'Content-Range',
      'Content-Digest',
      'Content-MD5',
      'Repr-Digest',
      'Upload-Metadata',
    ],
    body: { [anything]: 'bytes' },
    answers: { 201: { [json]: 'File' }, 200: { [json]: 'File' } },
    sends: ['ETag', 'Location'],
    problems: [
      'invalid_request',
      'invalid_name',
      'invalid_digest',
      'invalid_metadata',
      'incomplete_body',
      'digest_mismatch',
      'timeout',
      'length_required',
      'precondition_failed',
      'too_large',
      'no_space',
    ],
  },
  getFile: {
    summary: 'Fetch a file, or a range of it',
    query: {
      inline: { about: '1 to show it instead of saving it', schema: { type: 'string', enum: ['1'] } },
    },
    reads: [...changing, 'If-None-Match', 'If-Modified-Since', 'If-Range', 'Range'],
    answers: { 200: { [anything]: 'bytes' }, 206: { [anything]: 'bytes' }, 304: {} },
    sends: ['Accept-Ranges', 'Content-Disposition', 'Content-Range', 'ETag'],
    problems: ['invalid_name', 'not_found', 'precondition_failed', 'range_not_satisfiable', 'corrupt'],
  },
  deleteFile: {
    summary: 'Delete a file',
    reads: changing,
    answers: { 204: {} },
    problems: ['invalid_name', 'not_found', 'precondition_failed'],
  },
  postFiles: {
    summary: 'Store all files of a form, or none',
    reads: ['Content-Type'],
    body: { 'multipart/form-data': 'Form' },
    answers: { 201: { [json]: 'StoredFiles' } },
    sends: ['Accept-Post'],
    problems: [
      'invalid_request',
      'invalid_name',
      'incomplete_body',
      'too_large',
      'unsupported_media_type',
      'no_space',
    ],
  },
  listFiles: {
    summary: 'List files by name',
    query: {
      prefix: { about: 'Only names that begin so' },
      delimiter: { about: 'Names that have it behind the prefix are shown as one prefix' },
      q: { about: 'Only names that contain this, in any letter case and Unicode form' },
      limit: {
        about: 'Entries per page',
        schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
      },
      cursor,
    },
    answers: { 200: { [json]: 'FilePage' } },
    problems: ['invalid_request'],
  },
  showFile: {
    summary: 'Show what is known of a file',
    query: { chunks },
    answers: { 200: { [json]: 'File' } },
    sends: ['ETag'],
    problems: ['invalid_name', 'not_found'],
  },
  patchFile: {
    summary: 'Rename a file, or change its media type or metadata',
    reads: [...changing, 'Content-Type'],
    body: { [json]: 'FileChanges', 'application/merge-patch+json': 'FileMergePatch' },
    answers: { 200: { [json]: 'File' } },
    sends: ['Accept-Patch', 'ETag'],
    problems: [
      'invalid_request',
      'invalid_name',
      'invalid_metadata',
      'not_found',
      'name_taken',
      'precondition_failed',
      'unsupported_media_type',
    ],
  },
  listUploads: {
    summary: 'List unfinished uploads, oldest first',
    query: { cursor },
    answers: { 200: { [json]: 'UploadPage' } },
    problems: ['invalid_request'],
  },
  showUpload: {
    summary: 'Show an unfinished upload',
    query: { chunks },
    answers: { 200: { [json]: 'Upload' } },
    problems: ['invalid_name', 'not_found'],
  },
  deleteUpload: {
    summary: 'Delete an unfinished upload, and end a request that appends to it',
    answers: { 204: {} },
    problems: ['invalid_name', 'not_found'],
  },
  healthz: { summary: 'Tell that the server is alive', answers: { 200: { [json]: 'Alive' } } },
  readyz: {
    summary: 'Tell whether the server can be used',
    answers: { 200: { [json]: 'Ready' } },
    problems: ['unavailable'],
  },
  metrics: {
    summary: 'Show metrics for Prometheus',
    answers: { 200: { 'text/plain': 'text' } },
    problems: ['forbidden'],
  },
  openApi: { summary: 'Show this document', answers: { 200: { [json]: 'OpenApi' } } },
} as const satisfies Readonly<Record<string, Description>>
