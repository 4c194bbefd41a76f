import { isatty } from 'node:tty'
import pino, { type Level, type Logger } from 'pino'
import { LogDestination } from './log-destination.ts'
import { readableLine } from './readable-line.ts'

export interface LogOptions {
  readonly logLevel: Level | 'silent'
  /** `auto` is text on a terminal, and JSON elsewhere. */
  readonly logFormat: 'auto' | 'json' | 'text'
}

export interface OpenLog {
  readonly log: Logger
  readonly destination: LogDestination
}

const standardOutput = 1

/** The log of this process, on standard output. */
export function openLog({ logLevel, logFormat }: LogOptions, env: NodeJS.ProcessEnv = process.env): OpenLog {
  const isTerminal = isatty(standardOutput)
  const isText = logFormat === 'text' || (logFormat === 'auto' && isTerminal)
  const destination = isText
    ? new LogDestination(standardOutput, readableLine(isTerminal && !env['NO_COLOR']))
    : new LogDestination(standardOutput)
  const options = { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return { log: pino(options, destination), destination }
}
