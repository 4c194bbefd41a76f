import { isDeepStrictEqual } from 'node:util'

/** What a client gets to see. Of what was expected, only what is given has to be so. */
export interface SeenAnswer {
  /** 0 if the connection ended without a whole answer. */
  readonly status: number
  readonly code?: string
  readonly etag?: string
  readonly offset?: number
  readonly range?: string
  readonly bytes?: Buffer
  /** Files that were stored or changed, as the answer describes them. */
  readonly files?: readonly DescribedFile[]
  /** Names and prefixes of a listing, sorted. */
  readonly entries?: readonly string[]
}

export interface DescribedFile {
  readonly name: string
  readonly size: number
  readonly mediaType: string
  readonly metadata: Readonly<Record<string, string>>
}

export function isAsExpected(seen: SeenAnswer, expected: SeenAnswer): boolean {
  return Object.entries(expected).every(([key, value]: [string, unknown]) => {
    const there: unknown = seen[key as keyof SeenAnswer]
    if (value instanceof Buffer) return there instanceof Buffer && there.equals(value)
    return value === undefined || isDeepStrictEqual(there, value)
  })
}
