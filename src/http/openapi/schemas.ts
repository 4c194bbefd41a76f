import { z } from 'zod'

const time = z.iso.datetime().describe('ISO 8601, in UTC')
const id = z.uuidv7()
const bytes = z.int().nonnegative()
const metadata = z.record(z.string(), z.string())
const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('BLAKE3-256, in hexadecimal')

const chunk = z.strictObject({ start: bytes, size: bytes, digest })

const file = z.strictObject({
  id,
  name: z.string(),
  size: bytes,
  mediaType: z.string(),
  digest,
  etag: z.string(),
  createdAt: time,
  modifiedAt: time,
  metadata,
  chunks: z.array(chunk).optional().describe('With ?chunks=1'),
})

const upload = z.strictObject({
  id,
  name: z.string(),
  size: bytes.nullable().describe('Null until the client says how long the file is'),
  offset: bytes,
  isPartial: z.boolean(),
  mediaType: z.string(),
  createdAt: time,
  expiresAt: time,
  metadata,
  chunks: z.array(chunk).optional().describe('With ?chunks=1'),
})

const cursor = z.string().nullable().describe('For the next page; null on the last one')

/** What the JSON of the interface looks like. */
export const schemas = {
  File: file,
  StoredFiles: z.strictObject({ files: z.array(file) }),
  FilePage: z.strictObject({
    files: z.array(file),
    prefixes: z.array(z.string()).describe('Folders, with the delimiter at their end'),
    cursor,
  }),
  FileChanges: z.strictObject({
    name: z.string().optional(),
    mediaType: z.string().optional(),
    metadata: metadata.optional(),
  }),
  FileMergePatch: z
    .strictObject({
      name: z.string().optional(),
      mediaType: z.string().optional(),
      metadata: z.record(z.string(), z.string().nullable()).nullable().optional(),
    })
    .describe('RFC 7396: null deletes a key of the metadata, or all of it'),
  Upload: upload,
  UploadPage: z.strictObject({ uploads: z.array(upload), cursor }),
  Form: z.looseObject({}).describe('Each part with a file name is a file; other fields are ignored'),
  Alive: z.strictObject({ status: z.literal('alive') }),
  Ready: z.strictObject({
    status: z.literal('ready'),
    writes: z.literal('no_space').optional().describe('While nothing can be stored'),
  }),
  OpenApi: z.looseObject({ openapi: z.string() }),
  Problem: z
    .looseObject({
      title: z.string(),
      status: z.int(),
      code: z.string().describe('Stays the same between versions'),
      detail: z.string().describe('What to do'),
      requestId: z.string().describe('Under which the log has the rest'),
    })
    .describe('RFC 9457'),
} as const

export type SchemaName = keyof typeof schemas
