import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { z } from 'zod'
import { options } from './options.ts'
import { optionRows } from './rows.ts'
import type { OptionKey } from './options.ts'
import { isLoopback } from './values.ts'
import { blockBytes } from '../model/digest.ts'

type Shape = { readonly [Key in OptionKey]: (typeof options)[Key]['schema'] }

const shape = Object.fromEntries(Object.entries(options).map(([key, option]) => [key, option.schema]))

const schema = z
  .object(shape as Shape)
  .readonly()
  .superRefine((config, context) => {
    const refuse = (key: OptionKey, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    // With memory for less than four chunks, one upload that fills a chunk while another is stored
    // would take all of it.
    if (config.chunkSize * 4 > config.maxBufferMemory) {
      refuse(
        'chunkSize',
        'must be at most a quarter of --max-buffer-memory: lower the one or raise the other',
      )
    }
    // The pool could never lend such a window.
    if (config.maxDownloadConcurrencyPerFile * blockBytes > config.maxBufferMemory) {
      refuse(
        'maxDownloadConcurrencyPerFile',
        'blocks of 1MiB must fit into --max-buffer-memory: lower the one or raise the other',
      )
    }
    if (config.store.startsWith('s3://') && config.catalog === 'sqlite') {
      refuse('catalog', 'has no directory in an S3 store: use sqlite:file, or postgres://user@host/database')
    }
    // Some time passes between two heartbeats.
    if (config.catalog.startsWith('postgres') && config.collectGraceMs < 60_000) {
      refuse('collectGraceMs', 'must be at least 1m where servers share a catalog')
    }
    if (!isLoopback(config.host) && !config.allowUnauthenticated) {
      refuse(
        'host',
        'can be reached by other machines, and Ashlar has no authentication yet: add --allow-unauthenticated if that is meant',
      )
    }
  })

/**
 * Sizes in bytes (`Infinity` where unlimited), `…Ms` in milliseconds, everything within its bounds.
 */
export type Config = z.output<typeof schema>

/**
 * Why there is no `Config`. Print the message, to stdout if `exitCode` is 0 (`--help`,
 * `--version`), and exit with it.
 */
export class ConfigError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.name = 'ConfigError'
    this.exitCode = exitCode
  }
}

/** Only the flags that were given; a switch is `true`. */
type Flags = Readonly<Record<string, string | true>>

/**
 * Reads the flags (`argv` without program and script) and the `ASHLAR_*` variables; a flag wins
 * over its variable. Throws `ConfigError`: with the text asked for by `--help` and `--version`,
 * else with one line that names what is wrong. An unknown flag is an error; an unknown `ASHLAR_*`
 * variable is only reported to `warn`, because variables also come from other software.
 */
export function readConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void = () => {},
): Config {
  const flags = readFlags(argv, env)
  for (const variable of unknownVariables(env)) warn(`unknown variable ${variable}: see --help for the list`)
  const given = optionRows.map((row) => {
    const flag = flags[row.attribute]
    if (flag !== undefined) return { key: row.key, source: row.flag, text: String(flag) }
    const variable = env[row.variable]
    if (variable !== undefined && !isServiceAddress(row.variable, variable)) {
      return { key: row.key, source: row.variable, text: variable }
    }
    return { key: row.key, source: `the default of ${row.flag}`, text: row.default }
  })
  const result = schema.safeParse(Object.fromEntries(given.map(({ key, text }) => [key, text])))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const wrong = given.find(({ key }) => key === issue?.path[0])
  throw new ConfigError(`${wrong?.source} ${JSON.stringify(wrong?.text)} ${issue?.message}`, 2)
}

function readFlags(argv: readonly string[], env: NodeJS.ProcessEnv): Flags {
  let printed = ''
  const command = new Command('ashlar serve')
    .description('Starts a server. Every option can also be set by the variable beside it; the flag wins.')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        printed += text
      },
      // What commander would print there is the message of the error that it throws.
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(110, process.stdout.columns ?? 110),
    })
    // With less room for their help, options would be printed without line breaks.
    .configureHelp({ minWidthToWrap: 24 })
  command.addHelpText(
    'after',
    `
Examples:
  ashlar serve                                 keeps all in ./ashlar-data
  ashlar serve --store /srv/files --port 9000
  ASHLAR_STORE=/srv/files ashlar serve`,
  )
  for (const row of optionRows) {
    command.option(row.declaration, `${row.help} (${row.variable}; ${row.default})`)
  }
  try {
    command.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) throw new ConfigError(printed.trimEnd(), 0)
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
    const isOfNpm = error.code === 'commander.excessArguments' && env['npm_lifecycle_event'] === 'start'
    const hint = isOfNpm
      ? ' npm consumes flags itself: put -- before them, as in npm start -- --port 9000.'
      : ''
    throw new ConfigError(message + hint, 2)
  }
  return command.opts<Flags>()
}

function unknownVariables(env: NodeJS.ProcessEnv): readonly string[] {
  // The command line reads it, maybe in the same shell: it says where the server is.
  const known = new Set([...optionRows.map((row) => row.variable), 'ASHLAR_URL'])
  return Object.keys(env).filter(
    (name) => name.startsWith('ASHLAR_') && !known.has(name) && !serviceVariable.test(name),
  )
}

/** Kubernetes sets these in every container for a Service named `ashlar` or `ashlar-…`. */
const serviceVariable =
  /^ASHLAR_(?:.*_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

/**
 * For a Service named `ashlar`, Kubernetes sets `ASHLAR_PORT=tcp://10.0.0.1:8080`: not our option.
 */
function isServiceAddress(variable: string, value: string): boolean {
  return variable.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value)
}

function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return z.object({ version: z.string() }).parse(manifest).version
}
