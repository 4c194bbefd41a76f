import type { Digest } from './digest.ts'
import { StoreError } from './errors.ts'

/** A UUIDv7 (RFC 9562) in lower case. */
export type FileId = string & { readonly __brand: 'FileId' }

/** A checked file name; see `parseFileName`. */
export type FileName = string & { readonly __brand: 'FileName' }

/** A namespace of names. Databases and manifests call it `owner`. */
export type Space = string & { readonly __brand: 'Space' }

/** The space of files whose request names none. */
export const defaultSpace = 'local' as Space

/** Free-form strings by key, stored as given. */
export type Metadata = Readonly<Record<string, string>>

/** Refers to the current file of a name, or to one file by its id. */
export type FileRef = { readonly name: FileName } | { readonly id: FileId }

export interface StoredFile {
  readonly id: FileId
  readonly space: Space
  readonly name: FileName
  readonly size: number
  readonly mediaType: string
  readonly digest: Digest
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Milliseconds since 1970: when bytes, name, media type or metadata last changed. */
  readonly modifiedAt: number
  readonly metadata: Metadata
}

/** The longest name, in bytes of UTF-8. */
export const maxNameBytes = 1024

/**
 * Accepts only names that everyone reads the same way: well-formed Unicode without control
 * characters, at most `maxNameBytes` long, not starting with `@`. Its segments, separated by `/`,
 * must not be empty, `.` or `..`. Throws `invalid_name`.
 */
export function parseFileName(text: string): FileName {
  const problem = problemWithName(text)
  if (problem) throw new StoreError('invalid_name', `The name ${problem}.`)
  return text as FileName
}

function problemWithName(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (!text.isWellFormed()) return 'is not well-formed Unicode'
  if (Buffer.byteLength(text) > maxNameBytes) return `is longer than ${maxNameBytes} bytes`
  if (/\p{Cc}/u.test(text)) return 'contains a control character'
  if (text.startsWith('@')) return 'begins with @, which is kept for ids'
  for (const segment of text.split('/')) {
    if (segment === '') return 'has an empty segment: no / at either end, and no two in a row'
    if (segment === '.' || segment === '..') return `has "${segment}" as a segment`
  }
  return undefined
}

/** Throws `invalid_request` unless the text is a UUIDv7. */
export function parseFileId(text: string): FileId {
  const id = text.toLowerCase()
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) {
    throw new StoreError('invalid_request', 'Invalid id: expected a UUIDv7.')
  }
  return id as FileId
}

/** Parses a name, or `@` and an id. */
export function parseFileRef(text: string): FileRef {
  return text.startsWith('@') ? { id: parseFileId(text.slice(1)) } : { name: parseFileName(text) }
}

/**
 * What `ashlar put` stores in the metadata of a file: its modification time, in milliseconds since
 * 1970, and its permissions.
 */
export function keptAttributes({ mtime, mode }: Metadata): { mtimeMs?: number; mode?: number } {
  const mtimeMs = new Date(mtime ?? Number.NaN).getTime()
  return {
    ...(!Number.isNaN(mtimeMs) && { mtimeMs }),
    // Only permission bits: a server must not be able to hand out a setuid file.
    ...(mode !== undefined && /^[0-7]{3}$/.test(mode) && { mode: Number.parseInt(mode, 8) }),
  }
}
