import { readdirSync, readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { flipBitOfFile } from './flip-bit-of-file.ts'

/** Where the bytes of a chunk are. */
export interface StoredBytes {
  readonly path: string
  /** Of its first byte in the file. */
  readonly offset: number
  readonly size: number
}

/**
 * Where a disk chunk store in a directory keeps what: by location, as the files say, without the
 * code that wrote them. A file that is neither a chunk nor a pack that is whole stands under its
 * path.
 */
export function storedFiles(directory: string): ReadonlyMap<string, StoredBytes> {
  const found = new Map<string, StoredBytes>()
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const location = relative(directory, path)
    const size = statSync(path, { throwIfNoEntry: false })?.size
    // Gone since the directory was read.
    if (size === undefined) continue
    const chunks = location.endsWith('.pack') ? chunksIn(readIfThere(path)) : undefined
    if (!chunks) found.set(location, { path, offset: 0, size })
    for (const { number, ...where } of chunks ?? []) found.set(`${location}/${number}`, { path, ...where })
  }
  return found
}

/** Where this one is. Fails if it is nowhere. */
export function storedAt(directory: string, location: string): StoredBytes {
  const found = storedFiles(directory).get(location)
  if (!found) throw new Error(`there is nothing at ${location}`)
  return found
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** Undefined if the text does not end as it begins, or what it tells of is not all there. */
function chunksIn(bytes: Buffer) {
  const [first = '', ...rest] = bytes.toString('latin1').split('\n')
  const count = Number(/^ashlar pack 1: (\d+) chunks/.exec(first)?.[1])
  const lines = rest.slice(0, count)
  const chunks = lines.map((line) => {
    const [number = '', , size, offset] = line.split(' ')
    return { number, size: Number(size), offset: Number(offset) }
  })
  const last = chunks.at(-1)
  if (!last) return undefined
  const header = [first, ...lines, rest[count], ''].join('\n')
  const isWhole = bytes.length === last.offset + last.size + header.length
  return isWhole && bytes.subarray(-header.length).equals(bytes.subarray(0, header.length))
    ? chunks
    : undefined
}

/** Damages a chunk in place, from byte `at` of it on. */
export async function overwriteStored(
  directory: string,
  location: string,
  at: number,
  bytes: Uint8Array,
): Promise<void> {
  const { path, offset } = storedAt(directory, location)
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset + at)
  } finally {
    await file.close()
  }
}

/** The same with one bit of the byte at `at`. */
export async function flipBitOfStored(directory: string, location: string, at: number): Promise<void> {
  const { path, offset } = storedAt(directory, location)
  await flipBitOfFile(path, offset + at)
}
