import type { Middleware } from 'koa'
import type { FileStore } from '../../files/state/file-store.ts'
import type { RequestState } from '../../http/server/context.ts'
import { limits, partialMediaType } from './draft-fields.ts'

/**
 * Adds to what OPTIONS is answered, wherever an upload can begin or be continued, that it can be
 * one of the draft.
 */
export function announceLimits(store: FileStore): Middleware<RequestState> {
  return (ctx, next) => {
    if (ctx.method === 'OPTIONS' && /^\/(?:uploads$|uploads\/|files\/.)/.test(ctx.state.target.path)) {
      // "The value of the Accept-Patch header field MUST include the full
      // application/partial-upload media type".
      ctx.append('Accept-Patch', partialMediaType)
      // "The Upload-Limit header field SHOULD be included in the response to an OPTIONS request if
      // limits apply."
      ctx.set('Upload-Limit', limits(store))
    }
    return next()
  }
}
