import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { appendFile, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { once } from 'node:events'
import pg from 'pg'
import { debianProgram } from '../support/debian-packages.ts'

const run = promisify(execFile)

/** Where Debian's package has the programs. */
const programs = '/usr/lib/postgresql/15/bin'
const superuser = 'postgres'
const password = 'a password'

/** For what takes as long as the machine is busy. */
export const patiently = { timeout: 20_000 }

export interface UrlParts {
  readonly user?: string
  readonly password?: string
  readonly database?: string
  /** What the connection begins with. */
  readonly schema?: string
}

interface Identity {
  readonly uid: number
  readonly gid: number
}

/**
 * A PostgreSQL of its own, on a loopback port, with its data in a temporary directory, synced as in
 * earnest.
 */
export class PostgresServer {
  readonly port: number
  readonly #directory: string
  readonly #as: Identity | undefined
  #process: ChildProcess | undefined
  #log = ''

  private constructor(directory: string, port: number, as: Identity | undefined) {
    this.#directory = directory
    this.port = port
    this.#as = as
  }

  static async start(): Promise<PostgresServer> {
    await debianProgram(join(programs, 'initdb'), 'postgresql-15')
    const directory = await mkdtemp(join(tmpdir(), 'ashlar-postgres-'))
    const as = await identity()
    const server = new PostgresServer(directory, await freePort(), as)
    await server.#makeCluster()
    await server.resume()
    return server
  }

  url({ schema, ...parts }: UrlParts = {}): string {
    const url = new URL(`postgres://127.0.0.1:${this.port}`)
    url.username = parts.user ?? superuser
    url.password = parts.password ?? password
    url.pathname = parts.database ?? 'postgres'
    if (schema !== undefined) url.searchParams.set('options', `-c search_path=${schema}`)
    return url.href
  }

  /** A schema that is empty, and the address of connections that begin with it. */
  async createSchema(): Promise<string> {
    const schema = `schema_${++schemas}`
    await this.query(`create schema ${schema}`)
    return this.url({ schema })
  }

  /** As a superuser, on a connection of its own. */
  async query<Row extends pg.QueryResultRow>(text: string, url = this.url()): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }

  /** Resolves when it takes connections. */
  async resume(): Promise<void> {
    this.#log = ''
    const child = this.#spawn('postgres', ['-D', this.#data], ['ignore', 'ignore', 'pipe'])
    this.#process = child
    const crash = () => child.kill('SIGQUIT')
    process.once('exit', crash)
    child.once('exit', () => process.off('exit', crash))
    const ready = Promise.withResolvers<void>()
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
      if (this.#log.includes('ready to accept connections')) ready.resolve()
    })
    child.once('exit', () => ready.reject(new Error(`PostgreSQL has ended:\n${this.#log}`)))
    await ready.promise
  }

  /** `fast` undoes what is under way; `immediate` is a crash. */
  async halt(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null) return
    const exit = once(child, 'exit')
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await exit
  }

  async stop(): Promise<void> {
    await this.halt()
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** What it has logged since it was last started. */
  get log(): string {
    return this.#log
  }

  get #data(): string {
    return join(this.#directory, 'data')
  }

  async #makeCluster(): Promise<void> {
    const passwords = join(this.#directory, 'password')
    await writeFile(passwords, password)
    await chmod(this.#directory, 0o700)
    for (const path of [this.#directory, passwords]) {
      if (this.#as) await chown(path, this.#as.uid, this.#as.gid)
    }
    const options = ['--auth', 'scram-sha-256', '--pwfile', passwords, '--encoding', 'UTF8', '--no-locale']
    const child = this.#spawn(
      'initdb',
      ['-D', this.#data, '-U', superuser, '--no-sync', ...options],
      ['ignore', 'ignore', 'inherit'],
    )
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`initdb has failed with ${code}`)
    await appendFile(join(this.#data, 'postgresql.conf'), settings(this.port))
  }

  #spawn(program: string, args: readonly string[], stdio: ('ignore' | 'inherit' | 'pipe')[]): ChildProcess {
    return spawn(join(programs, program), args, { stdio, cwd: this.#directory, ...this.#as })
  }
}

let schemas = 0

function settings(port: number): string {
  const lines = [
    `port = ${port}`,
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = ''`,
    'max_connections = 60',
    // The other way round from what the catalog needs, which is to see to it.
    'synchronous_commit = off',
    'deadlock_timeout = 50ms',
  ]
  return `${lines.join('\n')}\n`
}

/** PostgreSQL does not run as root. */
async function identity(): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'nobody'])).stdout)),
  )
  return { uid: uid!, gid: gid! }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((closed) => {
    probe.close(closed)
  })
  return port
}
