import type { CommittedFile } from '../../catalog/catalog.ts'
import type { StoredFile } from '../../model/file.ts'
import { etagOf } from '../headers/etags.ts'
import { addressOf, type HttpContext } from '../server/context.ts'

/** A file as the API shows it. Times are ISO 8601 in UTC. */
export function fileInfo({ id, name, size, mediaType, digest, createdAt, modifiedAt, metadata }: StoredFile) {
  return {
    id,
    name,
    size,
    mediaType,
    digest,
    etag: etagOf(digest),
    createdAt: new Date(createdAt).toISOString(),
    modifiedAt: new Date(modifiedAt).toISOString(),
    metadata,
  }
}

/** The answer to a request that has stored a whole file. */
export function describeStored(ctx: HttpContext, { file, hasReplaced }: CommittedFile): void {
  ctx.status = hasReplaced ? 200 : 201
  ctx.set('Location', addressOf(ctx, `/files/@${file.id}`))
  ctx.set('ETag', etagOf(file.digest))
  ctx.body = fileInfo(file)
}
