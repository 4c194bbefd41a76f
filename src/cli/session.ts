import type { Command } from 'commander'
import { connect, StoreError, type AshlarClient, type ConnectOptions } from '../client/node.ts'
import { isTransientError } from '../client/transport/attempts.ts'
import type { CommonOptions } from './common-options.ts'
import { watchInterruption } from './terminal/interruption.ts'
import { messageOf } from './terminal/message-of.ts'
import { Terminal } from './terminal/terminal.ts'

/** One command being done. */
export interface Session {
  readonly client: AshlarClient
  readonly terminal: Terminal
  readonly isJson: boolean
  /** Aborted by Ctrl-C and SIGTERM, and when there is no use in going on. */
  readonly signal: AbortSignal
  /** How much has failed. */
  readonly failures: number
  /**
   * Says what went wrong with `what`, a ref or a path of this machine, unless that is only that the
   * signal ended it. The exit code will tell. Others go on, but not without a server: each of them
   * would wait as long for it.
   */
  fail(what: string, error: unknown, kind?: 'ref' | 'path'): void
}

/** Does a command's work, and sets the exit code. After Ctrl-C it says `afterInterruption`. */
export async function perform(
  command: Command,
  work: (session: Session) => Promise<void>,
  afterInterruption?: string,
): Promise<void> {
  const options = command.opts<CommonOptions>()
  const terminal = new Terminal({ isQuiet: options.quiet === true })
  const client = connectOrRefuse(command, options.server, connectOptions(options, terminal))
  const interruption = watchInterruption()
  const { signal } = interruption
  let failures = 0
  const session: Session = {
    client,
    terminal,
    isJson: options.json === true,
    signal,
    get failures() {
      return failures
    },
    fail(what, error, kind = 'ref') {
      if (signal.aborted) return
      failures += 1
      if (session.isJson) {
        const failed = { ...(what !== '' && { [kind]: what }), status: 'failed', ...explainedInJson(error) }
        // `fail` is synchronous: nobody waits for this line.
        terminal.printJson(failed).catch(() => {})
      }
      terminal.complain(`ashlar: ${what === '' ? '' : `${what}: `}${messageOf(error)}`)
      if (isTransientError(error)) interruption.abort(error)
    },
  }
  try {
    await work(session)
  } catch (error) {
    session.fail('', error)
  }
  const { exitCode } = interruption
  if (exitCode !== undefined && afterInterruption !== undefined) {
    terminal.complain(`ashlar: ${afterInterruption}`)
  }
  process.exitCode = exitCode ?? (failures > 0 ? 1 : 0)
  interruption.stop()
}

function explainedInJson(error: unknown) {
  const code = error instanceof Error && 'code' in error ? { code: error.code } : {}
  return { ...code, error: messageOf(error) }
}

function connectOptions(options: CommonOptions, terminal: Terminal): ConnectOptions {
  let said = ''
  return {
    giveUpAfterMs: options.giveUpAfter,
    ...(options.header && { headers: options.header }),
    onRetry: (error) => {
      const line = `ashlar: ${messageOf(error)}; retrying`
      if (line !== said) terminal.say(line)
      said = line
    },
  }
}

function connectOrRefuse(command: Command, server: string, options: ConnectOptions): AshlarClient {
  try {
    return connect(server, options)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return command.error(`error: ${messageOf(error)}`)
  }
}
