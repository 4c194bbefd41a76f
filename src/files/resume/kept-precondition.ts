import { z } from 'zod'
import type { Precondition } from '../../catalog/catalog.ts'
import type { Upload } from '../../model/upload.ts'

const tags = z.union([z.literal('*'), z.array(z.string())])

const schema = z.object({
  precondition: z
    .object({
      ifMatch: tags.exactOptional(),
      ifNoneMatch: tags.exactOptional(),
      ifUnmodifiedSince: z.number().exactOptional(),
    })
    .exactOptional(),
})

/**
 * What the request that creates an upload demands for the time when it becomes a file, for
 * `Upload.protocolState`.
 */
export function keepPrecondition(precondition: Precondition): string {
  return JSON.stringify({ precondition })
}

/**
 * What the upload was created with demands of the file that it is to replace, whoever makes it a
 * file, and in whatever protocol.
 */
export function keptPrecondition({ protocolState }: Upload): Precondition {
  return protocolState === undefined ? {} : (schema.parse(JSON.parse(protocolState)).precondition ?? {})
}
