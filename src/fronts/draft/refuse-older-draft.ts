import type { HttpContext } from '../../http/server/context.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'
import { interopVersion } from './draft-fields.ts'
import { parseItem } from '../../http/headers/structured-fields.ts'

/**
 * Up to interop version 3 of the draft, `Upload-Incomplete: ?1` means that more parts follow. If it
 * is false, the body is the whole file, and the header can be ignored.
 */
export function speaksOlderDraft(ctx: HttpContext): boolean {
  if (ctx.req.headers['upload-incomplete'] === undefined) return false
  return parseItem(ctx.get('Upload-Incomplete')) !== false
}

/** Refuses what `speaksOlderDraft`. */
export function refuseOlderDraft(ctx: HttpContext): void {
  if (!speaksOlderDraft(ctx)) return
  throw new HttpProblem(
    'invalid_request',
    `Upload-Incomplete belongs to an older draft: send Upload-Complete, as in interop version ${interopVersion}.`,
    { 'Upload-Draft-Interop-Version': String(interopVersion) },
  )
}
