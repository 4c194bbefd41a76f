import type { HttpContext } from '../server/context.ts'
import { StoreError } from '../../model/errors.ts'

/**
 * A request with neither `Content-Length` nor `Transfer-Encoding` has no body. Storing an empty
 * file, or emptying an existing one, would be wrong: most likely the client lost the body on the
 * way.
 */
export function refuseWithoutLength({ req: { headers } }: HttpContext): void {
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return
  // RFC 9110, 15.5.12
  throw new StoreError(
    'length_required',
    'The request has no body: send one with Content-Length or Transfer-Encoding, or Content-Length: 0 for an empty file.',
  )
}
