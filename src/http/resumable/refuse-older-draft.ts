import type { HttpContext } from '../context.ts'
import { HttpProblem } from '../render-errors.ts'
import { interopVersion } from './draft-fields.ts'
import { parseItem } from './parse-item.ts'

/**
 * Up to interop version 3 of the draft `Upload-Incomplete: ?1` said that others follow the part that is sent. Where it is
 * false the body is all of the file, and nothing is lost by ignoring it.
 */
export function refuseOlderDraft(ctx: HttpContext): void {
  if (ctx.req.headers['upload-incomplete'] === undefined) return
  if (parseItem(ctx.get('Upload-Incomplete')) === false) return
  throw new HttpProblem(
    'invalid_request',
    `Upload-Incomplete is of an older draft: send Upload-Complete, as of interop version ${interopVersion}.`,
    { 'Upload-Draft-Interop-Version': String(interopVersion) },
  )
}
