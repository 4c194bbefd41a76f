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
 * The precondition of the request that creates an upload, as text for `Upload.protocolState`: it
 * must hold when the upload becomes a file.
 */
export function keepPrecondition(precondition: Precondition): string {
  return JSON.stringify({ precondition })
}

/** The precondition that the upload was created with, whatever protocol finishes it. */
export function keptPrecondition({ protocolState }: Upload): Precondition {
  return protocolState === undefined ? {} : (schema.parse(JSON.parse(protocolState)).precondition ?? {})
}
