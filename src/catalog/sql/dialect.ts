import type { AliasedRawBuilder, Compilable, Kysely, RawBuilder } from 'kysely'
import type { Flag, Schema } from './schema.ts'

type ColumnType = 'id' | 'integer' | 'text' | 'bytes'
export type Columns<Row> = { readonly [Name in keyof Row & string]: ColumnType }
type Lock = 'for update' | 'for no key update' | 'for share' | 'for key share'

/**
 * What differs between the engines in the queries that they share. While a query is built, its
 * values are placeholders (`prepared`).
 */
export interface Dialect {
  /** Builds queries; it runs none. */
  readonly queries: Kysely<Schema>
  /** Whether a statement is a round trip, and `with` may hold statements that change something. */
  readonly isRemote: boolean
  /** The dialect of queries whose lists have one element each, where that is faster. */
  readonly single?: Dialect
  /** Rows as a table of the name `given`, in their order. */
  readonly given: <Row>(rows: readonly Row[], columns: Columns<Row>) => AliasedRawBuilder<Row, 'given'>
  readonly isAmong: (column: string, values: readonly unknown[], type: ColumnType) => RawBuilder<boolean>
  /** A value whose type the query does not show. */
  readonly typed: <Value>(value: Value, type: ColumnType) => RawBuilder<Value>
  readonly flag: (value: Flag) => RawBuilder<Flag>
  /** Ends a query; locks its rows until the transaction ends. A single writer needs no locks. */
  readonly lock: (
    lock: Lock,
    options?: { readonly of?: string; readonly skipLocked?: boolean },
  ) => RawBuilder<unknown>
  readonly currentMs: RawBuilder<number>
  /** Behind the table of files: which index a search by folded name uses. */
  readonly searchIndex: RawBuilder<unknown>
  /** Whether `text`, a column, contains `part`. */
  readonly contains: (text: RawBuilder<string>, part: string) => RawBuilder<boolean>
  /** A sum of integers is an integer. */
  readonly sum: (column: string) => RawBuilder<number>
  /** Many chunks of a list as one row, where a row for each would take several times as long. */
  readonly packed?: (chunks: Compilable) => RawBuilder<PackedRow>
  /** Whether a statement failed because another file has the name. */
  readonly isNameTaken: (error: unknown) => boolean
}

export interface PackedRow {
  readonly starts: readonly number[]
  readonly seals: readonly number[]
  readonly sizes: readonly number[]
  readonly digests: Uint8Array
  readonly block_digests: Uint8Array
}

/** A connection to a catalog's database, in the transaction of a call. */
export interface Database {
  readonly dialect: Dialect
  /** When the call was made. Milliseconds since 1970. */
  readonly now: number
  run<Row>(text: string, parameters: readonly unknown[]): Promise<readonly Row[]>
}
