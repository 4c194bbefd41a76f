import type { IncomingHttpHeaders } from 'node:http'
import { StoreError } from '../../model/errors.ts'
import { parseByteDictionary } from './structured-fields.ts'

/** A digest that a request says its body has. */
export interface ExpectedDigest {
  /** As `node:crypto` calls it. */
  readonly algorithm: string
  readonly bytes: Uint8Array
  /** The header that said so. */
  readonly header: string
}

interface Algorithm {
  readonly name: string
  readonly length: number
}

// RFC 9530, 7.2. The last two are deprecated, but what a client sends it wants checked.
const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['sha-256', { name: 'sha256', length: 32 }],
  ['sha-512', { name: 'sha512', length: 64 }],
  ['md5', { name: 'md5', length: 16 }],
  ['sha', { name: 'sha1', length: 20 }],
])

/**
 * The digests in `Repr-Digest`, `Content-Digest` (RFC 9530) and `Content-MD5` (RFC 1864). Throws
 * `invalid_digest` where one is malformed, or where a header has none that can be checked: a digest
 * that is sent is never accepted unchecked.
 */
export function expectedDigests(headers: IncomingHttpHeaders): readonly ExpectedDigest[] {
  return [
    ...inDictionary('Repr-Digest', headers['repr-digest']),
    ...inDictionary('Content-Digest', headers['content-digest']),
    ...inContentMd5(headers['content-md5']),
  ]
}

function inDictionary(
  header: string,
  value: string | readonly string[] | undefined,
): readonly ExpectedDigest[] {
  if (value === undefined) return []
  // RFC 8941, 4.2: lines of the same field are one, joined with commas.
  const members = parseByteDictionary(typeof value === 'string' ? value : value.join(', '))
  if (!members) throw invalid(`${header} must be of the form sha-256=:…base64…:`)
  // RFC 9530, 2: "A recipient MAY ignore any or all digests": those it does not know beside one
  // that it does.
  const known = [...members].flatMap(([key, base64]) => {
    const algorithm = algorithms.get(key)
    return algorithm ? [{ algorithm: algorithm.name, bytes: decode(header, base64, algorithm), header }] : []
  })
  if (known.length === 0) {
    throw invalid(`${header} has no digest that can be checked: send ${[...algorithms.keys()].join(', ')}`)
  }
  return known
}

/** RFC 1864, 2: "a base64-encoded 128 bit MD5 digest". */
function inContentMd5(value: string | readonly string[] | undefined): readonly ExpectedDigest[] {
  if (value === undefined) return []
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) {
    throw invalid('Content-MD5 must be one digest in base64')
  }
  return [
    {
      algorithm: 'md5',
      bytes: decode('Content-MD5', value, { name: 'md5', length: 16 }),
      header: 'Content-MD5',
    },
  ]
}

function decode(header: string, base64: string, algorithm: Algorithm): Uint8Array {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length !== algorithm.length) {
    throw invalid(
      `${header} has a digest of ${bytes.length} bytes where ${algorithm.name} has ${algorithm.length}`,
    )
  }
  return bytes
}

function invalid(message: string): StoreError {
  return new StoreError('invalid_digest', `${message}.`)
}
