import { parseDigest, type Digest } from '../../../model/digest.ts'
import { digestOfBlock } from '../../../model/hashers.ts'

/** Chunks of up to this many bytes go into packs. */
export const packedBytes = 64 * 1024
export const maxEntries = 256
/** The most bytes of all chunks in a pack together. */
export const maxPackBytes = 1024 * 1024

/** A chunk in a pack. It keeps its number when others are deleted. */
export interface PackEntry {
  readonly number: number
  readonly digest: Digest
  readonly size: number
}

export interface LocatedEntry extends PackEntry {
  /** The position of its first byte in the file. */
  readonly offset: number
}

/** Entries by their number, in order. */
export type PackHeader = ReadonlyMap<number, LocatedEntry>

// All lines of a kind have one length, so the first line tells the length of the header.
const magic = 'ashlar pack 1: '
const firstLine = /^ashlar pack 1: (\d{3}) chunks, each with number, digest, size and offset\n$/
const firstLineBytes = headOf(0).length
const entryBytes = lineOf({ number: 0, digest: '0'.repeat(64) as Digest, size: 0, offset: 0 }).length
const digestLineBytes = 65
export const maxHeaderBytes = headerBytes(maxEntries)

/**
 * The header for chunks that follow it in this order. It is readable text, with its own digest in
 * the last line.
 */
export function writePackHeader(entries: readonly PackEntry[]): Buffer {
  let offset = headerBytes(entries.length)
  let lines = headOf(entries.length)
  for (const entry of entries) {
    lines += lineOf({ ...entry, offset })
    offset += entry.size
  }
  return Buffer.from(`${lines}${digestOf(Buffer.from(lines, 'latin1'))}\n`, 'latin1')
}

/** The length of the header that starts here; undefined if none does. */
export function packHeaderBytes(bytes: Buffer): number | undefined {
  const [, count] = firstLine.exec(bytes.toString('latin1', 0, firstLineBytes)) ?? []
  return count === undefined ? undefined : headerBytes(Number(count))
}

/**
 * Parses the header at the start of these bytes. Undefined if there is none, or it is incomplete.
 */
export function parsePackHeader(bytes: Buffer): PackHeader | undefined {
  const length = packHeaderBytes(bytes)
  if (length === undefined || bytes.length < length) return undefined
  const end = length - digestLineBytes
  if (bytes.toString('latin1', end, length) !== `${digestOf(bytes.subarray(0, end))}\n`) return undefined
  const entries = new Map<number, LocatedEntry>()
  for (let at = firstLineBytes; at < end; at += entryBytes) {
    const [number, digest = '', size, offset] = bytes.toString('latin1', at, at + entryBytes - 1).split(' ')
    entries.set(Number(number), {
      number: Number(number),
      digest: parseDigest(digest),
      size: Number(size),
      offset: Number(offset),
    })
  }
  return entries
}

/**
 * Parses the header at the end of these bytes. The content of a chunk may look like a header, but
 * it comes before this one.
 */
export function parseLastPackHeader(bytes: Buffer): PackHeader | undefined {
  const at = bytes.lastIndexOf(magic)
  if (at === -1) return undefined
  const last = bytes.subarray(at)
  return packHeaderBytes(last) === last.length ? parsePackHeader(last) : undefined
}

function headerBytes(entries: number): number {
  return firstLineBytes + entries * entryBytes + digestLineBytes
}

function headOf(entries: number): string {
  return `${magic}${digits(entries, 3)} chunks, each with number, digest, size and offset\n`
}

function lineOf({ number, digest, size, offset }: LocatedEntry): string {
  return `${digits(number, 3)} ${digest} ${digits(size, 5)} ${digits(offset, 7)}\n`
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0')
}

function digestOf(bytes: Buffer): string {
  return digestOfBlock(bytes).toString('hex')
}
