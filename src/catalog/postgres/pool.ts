import pg from 'pg'
import { connectionError, endsSession } from './failures.ts'
import { typeParser } from './types.ts'

export interface PoolSettings {
  /** Connections at once, each a process of the server. */
  readonly maxConnections: number
  /** A call waits so long for a connection: for a new one, or for one of those that are busy. */
  readonly connectTimeoutMs: number
  /**
   * A statement may take so long, the wait for others in its way included; 0 if as long as it
   * likes.
   */
  readonly statementTimeoutMs: number
  /** Run on each connection before all else. */
  readonly preamble: string
}

/** The server is given so much more time to say that a statement took too long. */
const answerTimeoutMs = 1000

/**
 * Statements are prepared once in each connection, so texts must not be built from values. Errors
 * are the server's answer, or else `unavailable`: then the connection is not used again.
 */
export class Pool {
  readonly #pool: pg.Pool
  readonly #connections = new WeakMap<pg.PoolClient, Connection>()

  constructor(url: string, { statementTimeoutMs, preamble, ...settings }: PoolSettings) {
    this.#pool = new pg.Pool({
      connectionString: url,
      fallback_application_name: 'ashlar',
      max: settings.maxConnections,
      connectionTimeoutMillis: settings.connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs && statementTimeoutMs + answerTimeoutMs,
      // A client that has lost its power keeps nobody waiting for longer.
      idle_in_transaction_session_timeout: 30_000,
      keepAlive: true,
      idleTimeoutMillis: 60_000,
      allowExitOnIdle: true,
      types: { getTypeParser: typeParser },
      verify: (client, done) => {
        client.query(preamble, done)
      },
    })
    this.#pool.on('error', leaveToUsers)
    this.#pool.on('connect', (client) => client.on('error', leaveToUsers))
  }

  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#connect()
    try {
      return await work(connection)
    } finally {
      connection.release()
    }
  }

  async #connect(): Promise<Connection> {
    try {
      const client = await this.#pool.connect()
      const known = this.#connections.get(client)
      if (known) return known
      const connection = new Connection(client)
      this.#connections.set(client, connection)
      return connection
    } catch (error) {
      throw tagged(error)
    }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

/**
 * Who uses the connection hears of it from what they asked; an idle one is replaced when it is
 * needed.
 */
function leaveToUsers(): void {}

export class Connection {
  readonly #client: pg.PoolClient
  #end: unknown

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  release(): void {
    this.#client.release(this.#end !== undefined)
  }

  async query<Row>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    // What was asked before may still be under way.
    if (this.#end) throw this.#end
    try {
      const query = values.length === 0 ? { text } : { text, name: nameOf(text), values: [...values] }
      const { rows } = await this.#client.query<Row & pg.QueryResultRow>(query)
      return rows
    } catch (error) {
      const failure = tagged(error)
      if (endsSession(failure)) this.#end = failure
      throw failure
    }
  }
}

function tagged(error: unknown): unknown {
  return error instanceof pg.DatabaseError ? error : connectionError(error)
}

const names = new Map<string, string>()

/** By which connections know a statement. */
function nameOf(text: string): string {
  const name = names.get(text) ?? `ashlar_${names.size}`
  names.set(text, name)
  return name
}
