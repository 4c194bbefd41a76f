import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { crc32 } from 'node:zlib'
import type { BodyCheck } from '../../files/upload/receive.ts'
import { StoreError } from '../../model/errors.ts'

interface Hasher {
  update(bytes: Uint8Array): void
  digest(): Buffer
}

const algorithms: Readonly<Record<string, () => Hasher>> = {
  sha1: () => nodeHasher('sha1'),
  sha256: () => nodeHasher('sha256'),
  md5: () => nodeHasher('md5'),
  crc32: () => new Crc32(),
}

/**
 * For `Tus-Checksum-Algorithm`: "a comma-separated list of the checksum algorithms supported by the
 * server".
 */
export const checksumAlgorithms = Object.keys(algorithms).join(',')

/**
 * The checks that `Upload-Checksum` asks for, as a header or an announced trailer; none without it.
 * Throws `invalid_request`.
 */
export function uploadChecksums(req: IncomingMessage): readonly BodyCheck[] {
  const header = req.headers['upload-checksum']
  if (typeof header === 'string') return [new Checksum(() => header, [parseChecksum(header).algorithm])]
  const trailers = (req.headers.trailer ?? '').toLowerCase().split(/[\s,]+/)
  if (!trailers.includes('upload-checksum')) return []
  // Which algorithm it will be is not known before: all are computed.
  return [new Checksum(() => req.trailers['upload-checksum'], Object.keys(algorithms))]
}

class Checksum implements BodyCheck {
  readonly #read: () => string | undefined
  readonly #hashers: ReadonlyMap<string, Hasher>

  constructor(read: () => string | undefined, names: readonly string[]) {
    this.#read = read
    this.#hashers = new Map(names.map((name) => [name, algorithms[name]!()]))
  }

  update(bytes: Uint8Array): void {
    for (const hasher of this.#hashers.values()) hasher.update(bytes)
  }

  verify(): void {
    const text = this.#read()
    if (text === undefined)
      throw new StoreError('invalid_request', 'The announced Upload-Checksum did not come.')
    const { algorithm, expected } = parseChecksum(text)
    if (this.#hashers.get(algorithm)?.digest().equals(expected) !== true) {
      throw new StoreError(
        'checksum_mismatch',
        `The body does not have the ${algorithm} checksum that it came with.`,
      )
    }
  }
}

/**
 * "The header MUST consist of the name of the used checksum algorithm and the Base64 encoded
 * checksum separated by a space."
 */
function parseChecksum(text: string): { readonly algorithm: string; readonly expected: Buffer } {
  const [, algorithm = '', base64 = ''] = /^(\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? []
  if (algorithm === '')
    throw new StoreError('invalid_request', 'Upload-Checksum must be an algorithm and Base64.')
  // "400 Bad Request if the checksum algorithm is not supported by the server".
  if (!Object.hasOwn(algorithms, algorithm)) {
    throw new StoreError('invalid_request', `Upload-Checksum must use one of ${checksumAlgorithms}.`)
  }
  return { algorithm, expected: Buffer.from(base64, 'base64') }
}

function nodeHasher(name: string): Hasher {
  const hash = createHash(name)
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest(),
  }
}

class Crc32 implements Hasher {
  #value = 0

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value)
  }

  digest(): Buffer {
    const digest = Buffer.alloc(4)
    digest.writeUInt32BE(this.#value)
    return digest
  }
}
