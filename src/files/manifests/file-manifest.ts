import { z } from 'zod'
import type { Chunk, PackedChunks } from '../../model/chunk.ts'
import { blockBytes, digestBytes, parseDigest } from '../../model/digest.ts'
import { BlockHasher, digestOfChunk } from '../../model/hashers.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileId, parseFileName, type FileId, type Space, type StoredFile } from '../../model/file.ts'

/** Chunks in a manifest: a chunk's digest follows from those of its blocks. */
export type ManifestChunks = Pick<PackedChunks, 'sizes' | 'blockDigests'>

/** One of these chunks. */
export type ManifestChunk = Pick<Chunk, 'size' | 'blockDigests'>

/**
 * A page of a manifest, which describes a file without the catalog. Together, the pages of a file
 * have all of its chunks, in order.
 */
export interface FileManifest {
  readonly id: FileId
  /** In the first page only: everything that can be changed. */
  readonly file?: StoredFile
  /** In the first page of a file that was stored together with others, all or none. */
  readonly group?: string
  /** Where in the file the first chunk of this page begins. */
  readonly start: number
  readonly chunks: ManifestChunks
}

/**
 * Says that all files of a group have their manifests; until one does, none of them exists. Each
 * file has its own.
 */
export interface Confirmation {
  readonly id: FileId
  readonly group: string
}

const format = 'ashlar file record 1'
const confirmationFormat = 'ashlar group record 1'

/** On disk, a file's space has the name that it had before there were spaces: `owner`. */
const fileSchema = z
  .object({
    owner: z.string().transform((owner) => owner as Space),
    name: z.string().transform(parseFileName),
    size: z.int().nonnegative(),
    mediaType: z.string(),
    digest: z.string().transform(parseDigest),
    createdAt: z.int(),
    modifiedAt: z.int(),
    metadata: z.record(z.string(), z.string()),
  })
  .transform(({ owner: space, ...fields }) => ({ space, ...fields }))

const schema = z.object({
  format: z.literal(format),
  id: z.string().transform(parseFileId),
  file: fileSchema.optional(),
  group: z.string().optional(),
  start: z.int().nonnegative(),
  sizes: z.array(z.int().positive()),
  blocks: z.base64(),
})

const confirmationSchema = z.object({
  format: z.literal(confirmationFormat),
  id: z.string().transform(parseFileId),
  group: z.string(),
})

const either = z.discriminatedUnion('format', [schema, confirmationSchema])

/** Text that explains itself: a line of JSON, and a line with its digest. */
export function writeManifest({ id, file, group, start, chunks }: FileManifest): Buffer {
  return writeLine({
    format,
    id,
    file: file && fieldsOf(file),
    group,
    start,
    sizes: chunks.sizes,
    blocks: toBase64(chunks.blockDigests),
  })
}

function fieldsOf({ id: _id, space: owner, ...others }: StoredFile): z.input<typeof fileSchema> {
  return { owner, ...others }
}

export function writeConfirmation({ id, group }: Confirmation): Buffer {
  return writeLine({ format: confirmationFormat, id, group })
}

export function isConfirmation(manifest: FileManifest | Confirmation): manifest is Confirmation {
  return !('chunks' in manifest)
}

function writeLine(value: object): Buffer {
  const line = JSON.stringify(value)
  return Buffer.from(`${line}\n${digestOf(line)}\n`)
}

/**
 * Throws `corrupt` for everything that `writeManifest` and `writeConfirmation` cannot have written.
 */
export function readManifest(text: string): FileManifest | Confirmation {
  const [line = '', digest] = text.split('\n')
  if (digestOf(line) !== digest) throw new StoreError('corrupt', 'A manifest is damaged.')
  try {
    const parsed = either.parse(JSON.parse(line))
    if (parsed.format === confirmationFormat) return { id: parsed.id, group: parsed.group }
    const { id, file, group, start, sizes, blocks } = parsed
    return {
      id,
      ...(file && { file: { id, ...file } }),
      ...(group !== undefined && { group }),
      start,
      chunks: { sizes, blockDigests: blockDigestsIn(blocks, sizes) },
    }
  } catch (error) {
    throw new StoreError(
      'corrupt',
      'A manifest is whole, but not understood: was it written by a newer Ashlar?',
      {
        cause: error,
      },
    )
  }
}

export function* eachManifestChunk({ sizes, blockDigests }: ManifestChunks): Generator<ManifestChunk> {
  let at = 0
  for (const size of sizes) {
    const end = at + blockDigestBytes(size)
    yield { size, blockDigests: blockDigests.subarray(at, end) }
    at = end
  }
}

function blockDigestsIn(base64: string, sizes: readonly number[]): Uint8Array {
  const blockDigests = Buffer.from(base64, 'base64')
  const length = sizes.reduce((sum, size) => sum + blockDigestBytes(size), 0)
  if (blockDigests.length !== length)
    throw new TypeError(`these chunks have block digests of ${length} bytes, not ${blockDigests.length}`)
  return blockDigests
}

/** Of a chunk of this size. */
function blockDigestBytes(size: number): number {
  return Math.ceil(size / blockBytes) * digestBytes
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function digestOf(text: string): string {
  const hasher = new BlockHasher()
  hasher.update(Buffer.from(text))
  return digestOfChunk(hasher.finish())
}
