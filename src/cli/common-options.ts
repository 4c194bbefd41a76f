import { InvalidArgumentError, Option, type Command } from 'commander'
import { checkHeaders } from '../client/transport/check-options.ts'
import { parseDuration } from '../model/units.ts'

/** Options of every command that talks to a server. */
export interface CommonOptions {
  readonly server: string
  readonly json?: true
  readonly quiet?: true
  readonly header?: Readonly<Record<string, string>>
  /** Milliseconds. */
  readonly giveUpAfter: number
}

/** `patience` is how long to retry a server that cannot be reached. */
export function addCommonOptions(command: Command, patience: string): void {
  command
    .addOption(
      new Option('--server <url>', 'where the server is').env('ASHLAR_URL').default('http://127.0.0.1:8080'),
    )
    .option('--json', 'results as JSON, an object in each line')
    .option('-q, --quiet', 'only results and what went wrong: no progress, no summary')
    .option('--header <name:value>', 'send a header with every request; can be repeated', addHeader)
    .addOption(
      new Option('--give-up-after <time>', 'how long to keep trying while the server cannot be reached')
        .argParser(timeOf)
        .default(timeOf(patience), patience),
    )
    .helpOption('-h, --help', 'print this')
}

/** For an option that counts something, from 1 to `max`. */
export function toWholeNumber(max: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : 0
    if (number < 1 || number > max)
      throw new InvalidArgumentError(`Expected a whole number from 1 to ${max}.`)
    return number
  }
}

function addHeader(text: string, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
  const header = { [name.toLowerCase()]: value.trim() }
  try {
    checkHeaders(header)
  } catch {
    throw new InvalidArgumentError('It is written name:value.')
  }
  return { ...headers, ...header }
}

function timeOf(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('It is written with its unit: ms, s, m, h or d.')
  return ms
}
