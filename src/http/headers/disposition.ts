import contentDisposition from 'content-disposition'
import type { FileName } from '../../model/file.ts'
import { toAscii } from './to-ascii.ts'

/**
 * A `Content-Disposition` that proposes the last segment of the name (RFC 6266). `filename*` says
 * it in full; the older `filename` beside it, which is all that `curl -OJ` reads, is the closest
 * plain ASCII.
 */
export function disposition(name: FileName, type: 'attachment' | 'inline'): string {
  const segment = name.slice(name.lastIndexOf('/') + 1)
  // RFC 6266, appendix D: avoid characters outside ASCII, `\`, quotes and what looks like an escape
  // in `filename`. Some characters, such as U+2100 and U+2025, become a path when they are spelled
  // out.
  const ascii = toAscii(segment).replaceAll(/["\\%/]/g, '_')
  const fallback = /^\.*$/.test(ascii) ? '_' : ascii
  return contentDisposition(segment, { type, fallback })
}
