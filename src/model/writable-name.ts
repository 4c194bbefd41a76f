import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { isImpossibleOnWindows, possibleOnWindows } from './windows-names.ts'

/** Longest entry of a directory, in bytes, on the usual file systems. */
const mostEntryBytes = 255
/** What is longer is no extension. */
const mostExtensionBytes = 16

/** Of the machine that writes. */
interface WritingSystem {
  readonly isWindows?: boolean
}

/**
 * The path under which a file with this name is written to a file system. A name has up to 1024
 * bytes and need not have a `/`; a segment that no directory can hold is cut, and ends in `~`, the
 * first 8 hexadecimal digits of its SHA-256, and its extension. So does one that Windows would
 * refuse or change, with `_` for what it cannot have.
 */
export function writableName(name: string, { isWindows = false }: WritingSystem = {}): string {
  const toSegment = (segment: string) => {
    const isPossible = !isWindows || !isImpossibleOnWindows(segment)
    if (isPossible && Buffer.byteLength(segment) <= mostEntryBytes) return segment
    return shortened(isPossible ? segment : possibleOnWindows(segment), segment)
  }
  return name.split('/').map(toSegment).join('/')
}

/** Begins like `kept`, and differs for every segment. */
function shortened(kept: string, segment: string): string {
  const found = posix.extname(kept)
  const extension = Buffer.byteLength(found) <= mostExtensionBytes ? found : ''
  const stem = kept.slice(0, kept.length - extension.length)
  const end = `~${createHash('sha256').update(segment).digest('hex').slice(0, 8)}${extension}`
  return `${firstBytes(stem, mostEntryBytes - Buffer.byteLength(end))}${end}`
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
