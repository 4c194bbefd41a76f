import { z } from 'zod'
import { BlockHasher, blockBytes, digestBytes, digestOfChunk, parseDigest } from '../model/digest.ts'
import { StoreError } from '../model/errors.ts'
import { parseFileId, parseFileName, type FileId, type Owner, type StoredFile } from '../model/file.ts'

/** A chunk as a record has it: its digest follows from those of its blocks. */
export interface RecordedChunk {
  readonly size: number
  /** Raw, one after the other. */
  readonly blockDigests: Uint8Array
}

/** A page of what is to be known of a file if there is no catalog. The pages of a file together have all of its chunks, in order. */
export interface FileRecord {
  readonly id: FileId
  /** In the first page, and only there: it says all that can be changed. */
  readonly file?: StoredFile
  /** Where in the file the first chunk of this page begins. */
  readonly start: number
  readonly chunks: readonly RecordedChunk[]
}

const format = 'ashlar file record 1'

const fileSchema = z.object({
  owner: z.string().transform((owner) => owner as Owner),
  name: z.string().transform(parseFileName),
  size: z.int().nonnegative(),
  mediaType: z.string(),
  digest: z.string().transform(parseDigest),
  createdAt: z.int(),
  modifiedAt: z.int(),
  metadata: z.record(z.string(), z.string()),
})

const schema = z.object({
  format: z.literal(format),
  id: z.string().transform(parseFileId),
  file: fileSchema.optional(),
  start: z.int().nonnegative(),
  chunks: z.array(z.object({ size: z.int().positive(), blocks: z.base64() })),
})

/** As text that explains itself: a line of JSON, and a line with its digest. */
export function writeRecord({ id, file, start, chunks }: FileRecord): Buffer {
  const line = JSON.stringify({
    format,
    id,
    file: file && { ...file, id: undefined },
    start,
    chunks: chunks.map(({ size, blockDigests }) => ({ size, blocks: toBase64(blockDigests) })),
  })
  return Buffer.from(`${line}\n${digestOf(line)}\n`)
}

/** Throws `corrupt` for all that `writeRecord` cannot have written. */
export function readRecord(text: string): FileRecord {
  const [line = '', digest] = text.split('\n')
  if (digestOf(line) !== digest) throw new StoreError('corrupt', 'A record is damaged.')
  try {
    const { id, file, start, chunks } = schema.parse(JSON.parse(line))
    return {
      id,
      ...(file && { file: { id, ...file } }),
      start,
      chunks: chunks.map(({ size, blocks }) => ({ size, blockDigests: blockDigestsIn(blocks, size) })),
    }
  } catch (error) {
    throw new StoreError(
      'corrupt',
      'A record is whole, but not understood: was it written by a newer Ashlar?',
      {
        cause: error,
      },
    )
  }
}

function blockDigestsIn(base64: string, size: number): Uint8Array {
  const blockDigests = Buffer.from(base64, 'base64')
  if (blockDigests.length !== Math.ceil(size / blockBytes) * digestBytes) {
    throw new TypeError(`a chunk of ${size} bytes has not ${blockDigests.length} bytes of block digests`)
  }
  return blockDigests
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function digestOf(text: string): string {
  const hasher = new BlockHasher()
  hasher.update(Buffer.from(text))
  return digestOfChunk(hasher.finish())
}
