import contentDisposition from 'content-disposition'
import type { FileName } from '../../model/file.ts'

/**
 * A `Content-Disposition` that proposes the last segment of the name (RFC 6266). `filename*` says it in full; the
 * older `filename` beside it is plain ASCII.
 */
export function disposition(name: FileName, type: 'attachment' | 'inline'): string {
  const segment = name.slice(name.lastIndexOf('/') + 1)
  // RFC 6266, appendix D: avoid characters outside ASCII, `\`, quotes and what looks like an escape in `filename`.
  const fallback = segment.replace(/[^\x20-\x7e]|["\\%]/gu, '_')
  return contentDisposition(segment, { type, fallback })
}
