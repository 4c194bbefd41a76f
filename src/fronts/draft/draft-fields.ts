import type { FileStore } from '../../files/state/file-store.ts'
import type { Upload } from '../../model/upload.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { parseItem } from '../../http/headers/structured-fields.ts'

/** "The current interop version is 8." */
export const interopVersion = 8

export const partialMediaType = 'application/partial-upload'

/**
 * RFC 9651, 3.3.1: Integers have "a range of -999,999,999,999,999 to 999,999,999,999,999
 * inclusive".
 */
export const largestInteger = 999_999_999_999_999

/** Whether a request for an upload means the draft. Who says `Tus-Resumable` means tus. */
export function speaksDraft(ctx: HttpContext): boolean {
  const { headers } = ctx.req
  if (headers['tus-resumable'] !== undefined) return false
  return (
    headers['upload-complete'] !== undefined ||
    headers['upload-incomplete'] !== undefined ||
    headers['upload-draft-interop-version'] !== undefined ||
    hasPartialMediaType(ctx)
  )
}

export function hasPartialMediaType(ctx: HttpContext): boolean {
  return ctx.get('Content-Type').split(';')[0]?.trim().toLowerCase() === partialMediaType
}

/** "Its value is a Boolean …. Other values MUST cause the entire header field to be ignored." */
export function uploadComplete(ctx: HttpContext): boolean | undefined {
  const value = parseItem(ctx.get('Upload-Complete'))
  return typeof value === 'boolean' ? value : undefined
}

/**
 * "Its value is a non-negative Integer …. Other values MUST cause the entire header field to be
 * ignored."
 */
export function countIn(header: 'Upload-Offset' | 'Upload-Length', ctx: HttpContext): number | undefined {
  const value = parseItem(ctx.get(header))
  return typeof value === 'number' && value >= 0 ? value : undefined
}

/** Bytes of the body; undefined if they only come to be known. */
export function bodyLength({ req }: HttpContext): number | undefined {
  if (req.headers['transfer-encoding'] !== undefined) return undefined
  return Number(req.headers['content-length'] ?? 0)
}

/** `Upload-Limit`: of one upload, or of any that begins now. */
export function limits({ options }: FileStore, upload?: Upload): string {
  const { maxFileSize, uploadExpiryMs } = options
  const ageMs = upload === undefined ? uploadExpiryMs : Math.max(0, upload.expiresAt - Date.now())
  const maxAge = `max-age=${Math.min(largestInteger, Math.floor(ageMs / 1000))}`
  // A larger one cannot be written, nor an offset that would exceed it.
  return maxFileSize > largestInteger ? maxAge : `max-size=${maxFileSize}, ${maxAge}`
}
