import pg from 'pg'
import { connectionError, endsSession } from './failures.ts'
import { typeParser } from './types.ts'

export interface PoolSettings {
  /** Concurrent connections, each a process of the server. */
  readonly maxConnections: number
  /** How long a call waits for a connection, whether a new one or a busy one. */
  readonly connectTimeoutMs: number
  /** The limit for a statement, waits for locks included; 0 for none. */
  readonly statementTimeoutMs: number
  /** Runs first on each connection. */
  readonly preamble: string
}

/** How much longer the server has to answer that a statement took too long. */
const answerTimeoutMs = 1000

/**
 * Statements are prepared once in each connection, so texts must not be built from values. Errors
 * are the server's answer, or else `unavailable`: then the connection is not used again.
 */
export class Pool {
  readonly #pool: pg.Pool
  readonly #connections = new WeakMap<pg.PoolClient, PooledConnection>()

  constructor(url: string, { statementTimeoutMs, preamble, ...settings }: PoolSettings) {
    this.#pool = new pg.Pool({
      connectionString: url,
      fallback_application_name: 'ashlar',
      max: settings.maxConnections,
      connectionTimeoutMillis: settings.connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs && statementTimeoutMs + answerTimeoutMs,
      // A client that has lost power makes others wait no longer than this.
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

  async use<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connect()
    try {
      return await work(connection)
    } finally {
      connection.release()
    }
  }

  async #connect(): Promise<PooledConnection> {
    try {
      const client = await this.#pool.connect()
      const known = this.#connections.get(client)
      if (known) return known
      const connection = new PooledConnection(client)
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

/** The user of a connection gets the error from its query; an idle connection is replaced later. */
function leaveToUsers(): void {}

export class PooledConnection {
  readonly #client: pg.PoolClient
  #end: unknown

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  release(): void {
    this.#client.release(this.#end !== undefined)
  }

  async query<Row>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    // An earlier query may still be running.
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
