import { createHash } from 'node:crypto'
import { posix } from 'node:path'

/** Longest entry of a directory, in bytes, on the usual file systems. */
const mostEntryBytes = 255
/** What is longer is no extension. */
const mostExtensionBytes = 16

/**
 * The path under which a file with this name is written to a file system. A name has up to 1024 bytes and need not have a
 * `/`; a segment that no directory can hold is cut, and ends in `~`, the first 8 hexadecimal digits of its SHA-256, and
 * its extension.
 */
export function writableName(name: string): string {
  return name.split('/').map(writableSegment).join('/')
}

function writableSegment(segment: string): string {
  if (Buffer.byteLength(segment) <= mostEntryBytes) return segment
  const found = posix.extname(segment)
  const extension = Buffer.byteLength(found) <= mostExtensionBytes ? found : ''
  const end = `~${createHash('sha256').update(segment).digest('hex').slice(0, 8)}${extension}`
  return `${firstBytes(segment, mostEntryBytes - Buffer.byteLength(end))}${end}`
}

/** At most so many bytes from the beginning, and no half character. */
function firstBytes(text: string, most: number): string {
  let bytes = 0
  let end = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > most) break
    end += character.length
  }
  return text.slice(0, end)
}
