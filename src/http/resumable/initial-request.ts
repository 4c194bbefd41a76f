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

/** What the request that created an upload demands of the file that it is to replace, for `Upload.announced`. */
export function writeInitialRequest(precondition: Precondition): string {
  return JSON.stringify({ precondition })
}

/** Of an upload that was made by tus, nothing: there the request that finishes it makes the demands. */
export function preconditionOf({ announced }: Upload): Precondition {
  return announced === undefined ? {} : (schema.parse(JSON.parse(announced)).precondition ?? {})
}
