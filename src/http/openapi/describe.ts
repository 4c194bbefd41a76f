import type { ErrorCode } from '../../model/errors.ts'
import type { SchemaName } from './schemas.ts'

/** What a request or an answer carries, by media type: one of our schemas as JSON, or bytes. */
export type Content = Readonly<Record<string, SchemaName | 'bytes' | 'text'>>

interface Query {
  readonly about: string
  /** JSON Schema of the value; a string unless given. */
  readonly schema?: Readonly<Record<string, unknown>>
}

/** What the documentation of an interface says of a route. */
export interface Description {
  /** One sentence without a full stop, such as "Store a file". */
  readonly summary: string
  readonly query?: Readonly<Record<string, Query>>
  /** Request headers that the route reads. */
  readonly reads?: readonly string[]
  readonly body?: Content
  /** What it answers by status when all is well; `{}` for an answer without content. */
  readonly answers: Readonly<Record<number, Content>>
  /** Answer headers that it sends. */
  readonly sends?: readonly string[]
  /** The codes of the problems that clients should expect of it. */
  readonly problems?: readonly ErrorCode[]
}
