import type { FileStore } from '../../files/state/file-store.ts'
import type { Route } from '../../http/route.ts'
import { append } from './append.ts'
import { about } from './descriptions.ts'
import { createUpload } from './create-upload.ts'
import { showCapabilities } from './show-capabilities.ts'
import { showOffset } from './show-offset.ts'
import { terminate } from './terminate.ts'
import { tusRoute } from './tus-route.ts'

export function tusRoutes(store: FileStore): readonly Route[] {
  return [
    ...['/uploads', '/uploads/{*id}'].map((path): Route => ({
      method: 'OPTIONS',
      path,
      action: 'open',
      about: about.capabilities,
      handle: (ctx) => showCapabilities(store, ctx),
    })),
    // Many clients are configured with a slash at the end of the endpoint.
    ...['/uploads', '/uploads/'].map((path): Route => ({
      method: 'POST',
      path,
      action: 'write',
      about: about.create,
      handle: tusRoute((ctx) => createUpload(store, ctx)),
    })),
    {
      method: 'HEAD',
      path: '/uploads/{*id}',
      action: 'read',
      about: about.showOffset,
      handle: tusRoute((ctx) => showOffset(store, ctx)),
    },
    {
      method: 'PATCH',
      path: '/uploads/{*id}',
      action: 'write',
      about: about.append,
      handle: tusRoute((ctx) => append(store, ctx)),
    },
    {
      method: 'DELETE',
      path: '/uploads/{*id}',
      action: 'write',
      about: about.terminate,
      handle: tusRoute((ctx) => terminate(store, ctx)),
    },
  ]
}
