import { isUtf8 } from 'node:buffer'
import { StoreError } from '../../model/errors.ts'
import { parseFileName, type FileName, type Metadata } from '../../model/file.ts'
import { mediaTypeOf } from './media-type.ts'
import { metadataSchema } from './metadata.ts'

/** What an `Upload-Metadata` header makes of a file. */
export interface NamedFile {
  readonly name: FileName
  readonly mediaType: string
  readonly metadata: Metadata
}

/**
 * Reads `Upload-Metadata`: `filename` (or `name`) becomes the name, `filetype` (or `type`) the
 * media type, all else metadata. A file without a name is named for its id. A value that is not
 * text, which is UTF-8 without U+0000, is ignored: metadata is text, and clients may send bytes for
 * their own use, which `HEAD` still repeats. Throws `invalid_metadata`, `invalid_name`.
 */
export function describeFile(header: string, id: string): NamedFile {
  const pairs = textsIn(parsePairs(header))
  const name = parseFileName(pairs.get('filename') || pairs.get('name') || id)
  const mediaType = mediaTypeOf(pairs.get('filetype') || pairs.get('type') || undefined, name)
  const rest = [...pairs].filter(([key]) => !['filename', 'name', 'filetype', 'type'].includes(key))
  return { name, mediaType, metadata: toMetadata(rest) }
}

/**
 * The same header on a `PUT`, whose address has the name and whose `Content-Type` is the media
 * type: all of its pairs are metadata. Throws `invalid_metadata`.
 */
export function parseMetadata(header: string): Metadata {
  return header === '' ? {} : toMetadata(textsIn(parsePairs(header)))
}

function toMetadata(pairs: Iterable<readonly [string, string]>): Metadata {
  const metadata = metadataSchema.safeParse(Object.fromEntries(pairs))
  if (!metadata.success) {
    throw new StoreError(
      'invalid_metadata',
      `Upload-Metadata cannot be kept: ${metadata.error.issues[0]?.message}.`,
    )
  }
  return metadata.data
}

/**
 * "The Upload-Metadata request and response header MUST consist of one or more comma-separated
 * key-value pairs. The key and value MUST be separated by a space. The key MUST NOT contain spaces
 * and commas and MUST NOT be empty. The key SHOULD be ASCII encoded and the value MUST be Base64
 * encoded. All keys MUST be unique. The value MAY be empty. In these cases, the space, which would
 * normally separate the key and the value, MAY be left out."
 */
function parsePairs(header: string): ReadonlyMap<string, Buffer> {
  const pairs = new Map<string, Buffer>()
  if (header.trim() === '') return pairs
  for (const pair of header.split(',')) {
    const [key = '', value = '', ...more] = pair.trim().split(' ')
    if (key === '' || more.length > 0 || pairs.has(key))
      throw malformed('must be pairs of a unique key and a value')
    pairs.set(key, bytesOf(value))
  }
  return pairs
}

function bytesOf(base64: string): Buffer {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(base64)) {
    throw malformed('has a value that is not Base64')
  }
  return Buffer.from(base64, 'base64')
}

function textsIn(pairs: ReadonlyMap<string, Buffer>): ReadonlyMap<string, string> {
  const texts = [...pairs].filter(([, bytes]) => isUtf8(bytes) && !bytes.includes(0))
  return new Map(texts.map(([key, bytes]) => [key, bytes.toString()]))
}

function malformed(problem: string): StoreError {
  return new StoreError('invalid_metadata', `Upload-Metadata ${problem}.`)
}
