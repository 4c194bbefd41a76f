import type { FileStore } from '../../files/state/file-store.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { tusVersion } from './tus-route.ts'
import { checksumAlgorithms } from './upload-checksum.ts'

const extensions = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'expiration',
  'checksum',
  'checksum-trailer',
  'termination',
  'concatenation',
]

/** `OPTIONS /uploads`: what this server can do. */
export function showCapabilities({ options }: FileStore, ctx: HttpContext): void {
  ctx.status = 204
  // "A successful response indicated by the 204 No Content or 200 OK status MUST contain the
  // Tus-Version header."
  ctx.set('Tus-Version', tusVersion)
  ctx.set('Tus-Extension', extensions.join(','))
  // "The Tus-Checksum-Algorithm header MUST be included in the response to an OPTIONS request."
  ctx.set('Tus-Checksum-Algorithm', checksumAlgorithms)
  if (Number.isFinite(options.maxFileSize)) ctx.set('Tus-Max-Size', String(options.maxFileSize))
}
