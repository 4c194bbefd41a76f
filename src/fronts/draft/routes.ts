import type { FileStore } from '../../files/state/file-store.ts'
import type { Route } from '../../http/route.ts'
import { appendPart } from './append-part.ts'
import { about } from './descriptions.ts'
import { cancel } from './cancel.ts'
import { speaksDraft, uploadComplete } from './draft-fields.ts'
import { refuseOlderDraft, speaksOlderDraft } from './refuse-older-draft.ts'
import { getState, showState } from './show-state.ts'
import { startPost, startPut } from './start-upload.ts'

/**
 * Takes only requests in the draft's protocol, and leaves those of tus or a plain PUT at the same
 * addresses to other fronts.
 */
export function draftRoutes(store: FileStore): readonly Route[] {
  return [
    {
      method: 'PUT',
      path: '/files/{*name}',
      action: 'write',
      about: about.put,
      takes: (ctx) => uploadComplete(ctx) !== undefined,
      handle: (ctx) => startPut(store, ctx),
    },
    {
      method: 'PUT',
      path: '/files/{*name}',
      action: 'write',
      about: about.refuseOlder,
      takes: speaksOlderDraft,
      handle: refuseOlderDraft,
    },
    ...['/uploads', '/uploads/'].map((path): Route => ({
      method: 'POST',
      path,
      action: 'write',
      about: about.post,
      takes: speaksDraft,
      handle: (ctx) => startPost(store, ctx),
    })),
    {
      method: 'HEAD',
      path: '/uploads/{*id}',
      action: 'read',
      about: about.showState,
      takes: speaksDraft,
      handle: (ctx) => showState(store, ctx),
    },
    // tus has no GET.
    {
      method: 'GET',
      path: '/uploads/{*id}',
      action: 'read',
      about: about.showState,
      handle: (ctx) => getState(store, ctx),
    },
    {
      method: 'PATCH',
      path: '/uploads/{*id}',
      action: 'write',
      about: about.append,
      takes: speaksDraft,
      handle: (ctx) => appendPart(store, ctx),
    },
    {
      method: 'DELETE',
      path: '/uploads/{*id}',
      action: 'write',
      about: about.cancel,
      takes: speaksDraft,
      handle: (ctx) => cancel(store, ctx),
    },
  ]
}
