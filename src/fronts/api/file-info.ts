import type { StoredFile } from '../../model/file.ts'
import { etagOf } from '../../http/headers/etags.ts'

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
