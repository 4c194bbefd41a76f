import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { isImpossibleOnWindows, possibleOnWindows } from './windows-names.ts'

/** The longest directory entry on the usual file systems, in bytes. */
const mostEntryBytes = 255
/** A longer suffix does not count as an extension. */
const mostExtensionBytes = 16

/** The system that writes the file. */
interface WritingSystem {
  readonly isWindows?: boolean
}

/**
 * The path under which a file with this name is written to a file system. A name has up to 1024
 * bytes and may have no `/`. A segment that is too long for a directory entry is cut, and ends in
 * `~`, the first 8 hexadecimal digits of its SHA-256, and its extension. A segment that Windows
 * would refuse or change is treated alike, with `_` for each character that it cannot have.
 */
export function writableName(name: string, { isWindows = false }: WritingSystem = {}): string {
  const toSegment = (segment: string) => {
    const isPossible = !isWindows || !isImpossibleOnWindows(segment)
    if (isPossible && Buffer.byteLength(segment) <= mostEntryBytes) return segment
    return shortened(isPossible ? segment : possibleOnWindows(segment), segment)
  }
  return name.split('/').map(toSegment).join('/')
}

/** Starts like `kept`, and differs for every segment. */
function shortened(kept: string, segment: string): string {
  const found = posix.extname(kept)
  const extension = Buffer.byteLength(found) <= mostExtensionBytes ? found : ''
  const stem = kept.slice(0, kept.length - extension.length)
  const end = `~${createHash('sha256').update(segment).digest('hex').slice(0, 8)}${extension}`
  return `${firstBytes(stem, mostEntryBytes - Buffer.byteLength(end))}${end}`
}

/** Cuts the text to so many bytes, and never within a character. */
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
