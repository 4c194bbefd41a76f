import { z } from 'zod'
import type { ListQuery } from '../../catalog/catalog.ts'
import { StoreError } from '../../model/errors.ts'
import { maxNameBytes } from '../../model/file.ts'
import { describeIssue } from './describe-issue.ts'
import { fromCursor } from './list-cursor.ts'

// No name is longer or has such a character, and databases refuse some of them.
const partOfName = z
  .string()
  .max(maxNameBytes)
  .regex(/^\P{Cc}*$/u, 'must not contain control characters')

const limitError = 'must be a whole number from 1 to 1000'

const schema = z.strictObject({
  prefix: partOfName.default(''),
  delimiter: partOfName.optional(),
  q: partOfName.optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, limitError)
    .transform(Number)
    .pipe(z.number().min(1, limitError).max(1000, limitError))
    .default(100),
  cursor: z.string().optional(),
})

/**
 * The query of `GET /api/files`. A parameter that is empty counts as absent, as forms send it.
 * Throws `invalid_request`, also on a parameter that is unknown or comes twice: a list that is not
 * the one asked for looks just like it.
 */
export function parseListQuery(query: URLSearchParams): Omit<ListQuery, 'space'> {
  const given = new Map<string, string>()
  for (const [key, text] of query) {
    if (given.has(key)) throw new StoreError('invalid_request', `The query must have ${key} only once.`)
    if (text !== '') given.set(key, text)
  }
  const result = schema.safeParse(Object.fromEntries(given))
  if (!result.success) {
    throw new StoreError('invalid_request', `The query cannot be answered: ${describeIssue(result.error)}.`)
  }
  const { prefix, limit, delimiter, q, cursor } = result.data
  return {
    prefix,
    limit,
    ...(delimiter !== undefined && { delimiter }),
    ...(q !== undefined && { q }),
    ...(cursor !== undefined && { after: fromCursor(cursor) }),
  }
}
