import pg from 'pg'
import { asRefusal, StoreError, type ErrorCode } from '../../model/errors.ts'

/** The SQLSTATE of an error that the server answered with; other errors have none. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}

/** The server has rolled the transaction back because of concurrent ones: a retry may succeed. */
export function isConflict(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state === serializationFailure || state === deadlockDetected
}

/** Whether the statement would violate this constraint, on any table. */
export function isViolation(error: unknown, constraint: string): boolean {
  return error instanceof pg.DatabaseError && error.constraint === constraint
}

/** The session ends with this answer, or ended without one. */
export function endsSession(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state === undefined || /^(?:08|57P|25P03)/.test(state)
}

/** There was no answer: it is unknown whether the server has run the statement. */
export function connectionError(error: unknown): StoreError {
  const reason = error instanceof Error && 'code' in error ? error.code : (error as Error).message
  return new StoreError(
    'unavailable',
    `The database of the catalog cannot be reached (${String(reason)}): see that it runs, and where it is said to be.`,
    { cause: error },
  )
}

/** As `Catalog` promises. `isUndone` says that the transaction was rolled back. */
export function failureOf(error: unknown, isUndone: boolean): unknown {
  const failure = error instanceof StoreError ? error : describe(error)
  return isUndone ? asRefusal(failure) : failure
}

function describe(error: unknown): StoreError {
  const state = sqlStateOf(error) ?? ''
  const [, code, message] = answers.find(([pattern]) => pattern.test(state))!
  return new StoreError(code, `${message}.`, { cause: error })
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
const serializationFailure = '40001'
const deadlockDetected = '40P01'

/** By the beginning of the SQLSTATE; the first that fits counts. */
const answers: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/^53100/, 'no_space', 'The catalog cannot grow: free space on the disk of its database'],
  [
    /^53300/,
    'unavailable',
    'The database of the catalog takes no more connections: raise its max_connections, or have fewer',
  ],
  [/^28/, 'unavailable', 'The database of the catalog refuses the user or the password: correct them'],
  [/^3D000/, 'unavailable', 'The database of the catalog is not there: create it, or correct its name'],
  [/^3F000/, 'unavailable', 'The schema that the search_path names is not there: create it, or correct it'],
  [/^42501/, 'unavailable', 'The user may not do this in the catalog’s database: grant what the log says'],
  [/^42P07/, 'unavailable', 'The schema has tables of something else: give the catalog one of its own'],
  [/^25006/, 'unavailable', 'The database of the catalog takes no changes: name the primary, not a standby'],
  [/^55P03/, 'unavailable', 'The catalog is in use: stop whoever rebuilds it first'],
  [/^57014/, 'unavailable', 'The database of the catalog has taken too long: see what keeps it busy'],
  [/^40/, 'unavailable', 'Too many change the same in the catalog: try again'],
  [
    /^(?:08|53|55|57|58|XX)/,
    'unavailable',
    'The database of the catalog cannot be used now: its log says why; try again later',
  ],
  [/^/, 'internal', 'The catalog failed in a way that it should not'],
]
