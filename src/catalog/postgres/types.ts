import pg from 'pg'

type Parser = (text: string) => unknown

/** Parsers by the identifiers in pg_type.dat; others as in pg. All integers are below 2 ** 53. */
const parsers: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  // bytea, as `\x` and hexadecimal digits
  [17, (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex'))],
  // int8
  [20, Number],
  // int8[], as `{1,2}`
  [1016, (text) => JSON.parse(`[${text.slice(1, -1)}]`) as unknown],
])

export const typeParser: typeof pg.types.getTypeParser = (oid: number, format?: string): Parser =>
  parsers.get(oid) ?? pg.types.getTypeParser(oid, format as 'text')
