import { z } from 'zod'
import type { FileChanges } from '../../catalog/catalog.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileName } from '../../model/file.ts'
import { describeIssue } from './describe-issue.ts'
import { problemWithMediaType } from './media-type.ts'
import { metadataSchema } from './metadata.ts'

const schema = z
  .strictObject({
    name: z.string().exactOptional(),
    mediaType: z
      .string()
      .superRefine((text, context) => {
        const problem = problemWithMediaType(text)
        if (problem) context.addIssue(problem)
      })
      .exactOptional(),
    metadata: metadataSchema.exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must have name, mediaType or metadata')

/**
 * The body of a PATCH, once parsed from JSON. Throws `invalid_name` if the name is at fault, else `invalid_metadata`,
 * with a message that says where.
 */
export function parseFileChanges(body: unknown): FileChanges {
  const result = schema.safeParse(body)
  if (!result.success) {
    const code = result.error.issues[0]?.path[0] === 'name' ? 'invalid_name' : 'invalid_metadata'
    throw new StoreError(code, `The changes cannot be made: ${describeIssue(result.error)}.`)
  }
  const { name, ...others } = result.data
  return name === undefined ? others : { ...others, name: parseFileName(name) }
}
