import type { Upload } from '../../model/upload.ts'

/** An upload as the API shows it. Times are ISO 8601 in UTC. */
export function uploadInfo(upload: Upload) {
  const { id, name, size, offset, isPartial, mediaType, createdAt, expiresAt, metadata } = upload
  return {
    id,
    name,
    size: size ?? null,
    offset,
    isPartial,
    mediaType,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    metadata,
  }
}
