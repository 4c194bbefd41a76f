import type { Upload } from '../../model/upload.ts'
import { type HttpContext, addressOf } from '../../http/server/context.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'
import { StoreError } from '../../model/errors.ts'

export const tusVersion = '1.0.0'

/** Wraps what every request but OPTIONS has in common: it names the version that it speaks. */
export function tusRoute(handle: (ctx: HttpContext) => Promise<void>): (ctx: HttpContext) => Promise<void> {
  return (ctx) => {
    // "If the version specified by the Client is not supported by the Server, it MUST respond with
    // the 412 Precondition Failed status and MUST include the Tus-Version header into the response.
    // In addition, the Server MUST NOT process the request."
    if (ctx.get('Tus-Resumable') !== tusVersion) {
      throw new HttpProblem('precondition_failed', `Send Tus-Resumable: ${tusVersion}.`, {
        'Tus-Version': tusVersion,
      })
    }
    return handle(ctx)
  }
}

/** How far the upload is, and until when it can be continued, or which file it is by now. */
export function describeProgress(ctx: HttpContext, upload: Upload): void {
  ctx.set('Upload-Offset', String(upload.offset))
  if (upload.isFinished) ctx.set('Content-Location', addressOf(ctx, `/files/@${upload.id}`))
  // "The Upload-Expires response header indicates the time after which the unfinished upload
  // expires."
  else ctx.set('Upload-Expires', expiryOf(upload))
}

/** "The value of the Upload-Expires header MUST be in RFC 7231 datetime format." */
export function expiryOf({ expiresAt }: Upload): string {
  return new Date(expiresAt).toUTCString()
}

/**
 * A header that counts bytes: "a non-negative integer". Undefined if it is absent. Throws
 * `invalid_request`.
 */
export function parseWholeNumber(header: string, text: string): number | undefined {
  if (text === '') return undefined
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw new StoreError('invalid_request', `${header} must be a whole number of bytes.`)
  }
  return value
}
