import type { FileStore } from '../../files/state/file-store.ts'
import type { Route } from '../../http/route.ts'
import { about } from './descriptions.ts'
import { deleteFile } from './delete-file.ts'
import { getFile } from './get-file.ts'
import { listFiles } from './list-files.ts'
import { deleteUpload, listUploads } from './list-uploads.ts'
import { patchFile } from './patch-file.ts'
import { postFiles } from './post-files.ts'
import { putFile } from './put-file.ts'
import { showFile } from './show-file.ts'
import { showUpload } from './show-upload.ts'

export function apiRoutes(store: FileStore, maxFormFiles: number): readonly Route[] {
  return [
    {
      method: 'PUT',
      path: '/files/{*name}',
      action: 'write',
      about: about.putFile,
      handle: (ctx) => putFile(store, ctx),
    },
    {
      method: 'GET',
      path: '/files/{*ref}',
      action: 'read',
      about: about.getFile,
      handle: (ctx) => getFile(store, ctx),
    },
    {
      method: 'DELETE',
      path: '/files/{*ref}',
      action: 'delete',
      about: about.deleteFile,
      handle: (ctx) => deleteFile(store, ctx),
    },
    ...['/files', '/files/'].map((path): Route => ({
      method: 'POST',
      path,
      action: 'write',
      about: about.postFiles,
      handle: (ctx) => postFiles(store, maxFormFiles, ctx),
    })),
    {
      method: 'GET',
      path: '/api/files',
      action: 'read',
      about: about.listFiles,
      handle: (ctx) => listFiles(store, ctx),
    },
    {
      method: 'GET',
      path: '/api/files/{*ref}',
      action: 'read',
      about: about.showFile,
      handle: (ctx) => showFile(store, ctx),
    },
    {
      method: 'PATCH',
      path: '/api/files/{*ref}',
      action: 'write',
      about: about.patchFile,
      handle: (ctx) => patchFile(store, ctx),
    },
    {
      method: 'GET',
      path: '/api/uploads',
      action: 'read',
      about: about.listUploads,
      handle: (ctx) => listUploads(store, ctx),
    },
    {
      method: 'GET',
      path: '/api/uploads/{*id}',
      action: 'read',
      about: about.showUpload,
      handle: (ctx) => showUpload(store, ctx),
    },
    {
      method: 'DELETE',
      path: '/api/uploads/{*id}',
      action: 'write',
      about: about.deleteUpload,
      handle: (ctx) => deleteUpload(store, ctx),
    },
  ]
}
