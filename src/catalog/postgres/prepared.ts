import type { Compilable, CompiledQuery } from 'kysely'
import type { Database } from './schema.ts'

/**
 * A query that is built once and then run with different values: building one costs more than running it.
 * While it is built, each value is a hole, which Kysely takes for any other parameter.
 */
export function prepared<Values extends object, Row>(
  build: (db: Database, values: Values) => Compilable<Row>,
): (db: Database, values: Values) => Promise<readonly Row[]> {
  let compiled: CompiledQuery<Row> | undefined
  return async (db, values) => {
    compiled ??= build(db, holes as Values).compile()
    const parameters = compiled.parameters.map((parameter) =>
      parameter instanceof Hole ? values[parameter.name as keyof Values] : parameter,
    )
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
    return rows
  }
}

class Hole {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** Sums and templates are taken when the query is built, and would end up in it as NaN or text. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(`'${this.name}' has no value while the query is built: compute with it in SQL`)
  }
}

const holes: object = new Proxy({}, { get: (_, name) => new Hole(String(name)) })
