import { z } from 'zod'
import type { FileChanges } from '../../catalog/catalog.ts'
import { StoreError } from '../../model/errors.ts'
import { parseFileName, type StoredFile } from '../../model/file.ts'
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
 * The body of a PATCH, once parsed from JSON. Throws `invalid_name` if the name is at fault, else
 * `invalid_metadata`, with a message that says where.
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

/**
 * The body of a PATCH as JSON Merge Patch (RFC 7396): metadata is merged, `null` deletes a key of
 * it, or all of it. What is to change follows from the file as it is at that moment. Throws as
 * `parseFileChanges` does; name and media type cannot be deleted.
 */
export function parseMergePatch(body: unknown): (file: Pick<StoredFile, 'metadata'>) => FileChanges {
  const patch = isObject(body) ? body['metadata'] : undefined
  if (patch !== null && !isObject(patch)) {
    const changes = parseFileChanges(body)
    return () => changes
  }
  const set = Object.entries(patch ?? {}).filter(([, value]) => value !== null)
  // Reject a patch that is wrong in itself before reading the file.
  const changes = parseFileChanges({ ...(body as object), metadata: Object.fromEntries(set) })
  return ({ metadata }) => {
    const kept = Object.entries(metadata).filter(([key]) => patch !== null && !Object.hasOwn(patch, key))
    return { ...changes, ...parseFileChanges({ metadata: Object.fromEntries([...kept, ...set]) }) }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
