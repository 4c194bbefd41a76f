import type { Middleware } from 'koa'
import { StoreError } from '../../model/errors.ts'
import type { RequestState } from '../server/context.ts'
import { refuseAmbiguous } from './refuse-ambiguous.ts'

/**
 * Refuses requests that could be read in two ways, and those for hosts that are not ours, before
 * anything else is looked at. A page can have its own name resolve to this server, and then its
 * browser takes the two for one origin (DNS rebinding): only the name gives it away.
 */
export function refuseMisdirected(): Middleware<RequestState> {
  return (ctx, next) => {
    // Node's parser drops what comes in one packet behind a request to upgrade, which nothing here
    // obeys.
    if (ctx.get('Upgrade')) {
      ctx.state.always['Connection'] = 'close'
      ctx.set('Connection', 'close')
    }
    refuseAmbiguous(ctx.req)
    // RFC 9110, 15.5.20: 421 is for "a server that is unable or unwilling to produce an
    // authoritative response for the target URI".
    if (!ctx.state.site.isAskedBy(ctx)) {
      throw new StoreError(
        'host_not_allowed',
        'The server does not answer to the host name in the request: use its IP address, or add the name to --allowed-hosts.',
      )
    }
    return next()
  }
}
