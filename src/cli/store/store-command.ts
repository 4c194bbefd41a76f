import type { Command } from 'commander'
import { isStoreError } from '../../model/errors.ts'
import { messageOf } from '../terminal/message-of.ts'
import { Terminal } from '../terminal/terminal.ts'

/** What a command on a store itself can be told, beside its own options. */
interface StoreOptions {
  readonly store?: string
  readonly json?: true
}

/** The store cannot be opened, or the command was used wrongly. */
export const notBegun = 2

export function addStoreOptions(command: Command): void {
  command
    .option('--store <directory>', 'where the store is (ASHLAR_STORE; ./ashlar-data)')
    .option('--json', 'results as JSON, an object in each line')
    .helpOption('-h, --help', 'print this')
}

/** Server's flags that say where the store is, and those among `flags` that were given. */
export function flagsOf(given: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`]))
}

interface Opened {
  close(): Promise<void>
}

export interface StoreSession<Store> {
  readonly store: Store
  readonly terminal: Terminal
  readonly isJson: boolean
}

/**
 * Opens a store, does a command's work with it, and sets the exit code to what that resolves with,
 * or 1 if it rejects.
 */
export async function performOnStore<Store extends Opened>(
  command: Command,
  open: (terminal: Terminal) => Promise<Store>,
  work: (session: StoreSession<Store>) => Promise<number>,
  whenUnavailable = '',
): Promise<void> {
  const terminal = new Terminal({ isQuiet: false })
  const isJson = command.opts<StoreOptions>().json === true
  let store: Store
  try {
    store = await open(terminal)
  } catch (error) {
    const hint = isStoreError(error, 'unavailable') ? whenUnavailable : ''
    terminal.complain(`ashlar: ${messageOf(error)}${hint}`)
    process.exitCode = notBegun
    return
  }
  try {
    process.exitCode = await work({ store, terminal, isJson })
  } catch (error) {
    terminal.complain(`ashlar: ${messageOf(error)}`)
    process.exitCode = 1
  } finally {
    await store.close()
  }
}
