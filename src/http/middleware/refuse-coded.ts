import { StoreError } from '../../model/errors.ts'
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

/**
 * A body that is only a part of the file, or the file in some coding, would be stored as if it were
 * the file.
 */
export function refuseWhatWouldNotBeTheFile(ctx: HttpContext): void {
  // RFC 9110, 14.5: "An origin server SHOULD respond with a 400 (Bad Request) status code if it
  // receives Content-Range on a PUT for a target resource that does not support partial PUT
  // requests."
  if (ctx.get('Content-Range'))
    throw new StoreError('invalid_request', 'PUT stores whole files: leave out Content-Range.')
  refuseCoded(ctx)
}
