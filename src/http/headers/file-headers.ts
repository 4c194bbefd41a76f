import type { StoredFile } from '../../model/file.ts'
import { disposition } from './disposition.ts'
import { downloadTagOf } from './etags.ts'

type Fields = readonly (readonly [name: string, value: string])[]

/** What an answer says of a file, whichever part of it is asked for. */
export interface FileHeaders {
  readonly always: Fields
  /** Where bytes are sent, or would be. */
  readonly whenSent: Fields
}

const sandbox =
  "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'"

/** Of files that stay in memory: to write them takes longer than to send them. */
const known = new WeakMap<StoredFile, FileHeaders>()

export function headersOf(file: StoredFile): FileHeaders {
  const there = known.get(file)
  if (there) return there
  const headers: FileHeaders = {
    always: [
      ['ETag', downloadTagOf(file)],
      ['Last-Modified', new Date(file.modifiedAt).toUTCString()],
      ['Accept-Ranges', 'bytes'],
      ['Cache-Control', 'no-cache'],
    ],
    whenSent: [
      ['Content-Type', file.mediaType],
      ['Content-Disposition', disposition(file.name, 'attachment')],
      // A file shown in place runs with the rights of nobody: no scripts, no forms, an origin of
      // its own.
      ['Content-Security-Policy', sandbox],
    ],
  }
  known.set(file, headers)
  return headers
}
