import type { HttpContext } from '../server/context.ts'
import { HttpProblem } from './render-errors.ts'

/** A file that came in some coding would be sent as if that were the file. */
export function refuseCoded(ctx: HttpContext): void {
  const coding = ctx.get('Content-Encoding').trim().toLowerCase()
  if (coding === '' || coding === 'identity') return
  // RFC 9110, 12.5.3: 415 "with an Accept-Encoding header field" tells which codings would do.
  throw new HttpProblem(
    'unsupported_media_type',
    `Send the file without Content-Encoding, not as ${coding}.`,
    {
      'Accept-Encoding': 'identity',
    },
  )
}
