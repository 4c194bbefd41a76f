import type { Command } from 'commander'
import { messageOf } from '../terminal/message-of.ts'
import { count, humanSize } from '../terminal/quantities.ts'
import { addStoreOptions, flagsOf, performOnStore } from './store-command.ts'
import { fitted } from '../terminal/help-text.ts'

interface GcOptions {
  readonly store?: string
  readonly collectGrace?: string
  readonly orphanGrace?: string
  readonly dryRun?: true
}

const help = `
Deletes expired uploads, chunks that nobody uses any more, and orphans, which are chunks that a crash left and that the
catalog has never heard of, each after its grace period. A running server does this by itself every --collect-interval, so use gc
only on a store that no server has open. --dry-run is safe beside a running server.

Exit codes: 0 done; 1 something could not be deleted; 2 wrong usage, or the store cannot be opened.

Examples:
  ashlar gc --store /srv/files --dry-run
  ashlar gc --store /srv/files --collect-grace 0s --orphan-grace 0s   all now`

/** `ashlar gc` */
export function gc(command: Command): void {
  addStoreOptions(command)
  command
    .option('--dry-run', 'only show what would be deleted')
    .option('--collect-grace <time>', 'how long chunks of deleted files stay (ASHLAR_COLLECT_GRACE; 5m)')
    .option('--orphan-grace <time>', 'how long orphans stay after they were found (ASHLAR_ORPHAN_GRACE; 24h)')
    .addHelpText('after', fitted(help))
    .action((options: GcOptions) => (options.dryRun ? plan(command, options) : collect(command, options)))
}

function collect(command: Command, options: GcOptions): Promise<void> {
  return performOnStore(
    command,
    async (terminal) => {
      const { openStore } = await import('../../server/open-stores.ts')
      return openStore(flags(options), process.env, (error, doing) =>
        terminal.complain(`ashlar: failed while ${doing}: ${messageOf(error)}`),
      )
    },
    async ({ store, terminal, isJson }) => {
      const { collectNow } = await import('../../admin/collect-now.ts')
      const collected = await collectNow(store)
      if (isJson) await terminal.printJson(collected)
      else {
        const { uploads, chunks, bytes, orphans, orphanBytes } = collected
        await terminal.print(`deleted: ${amount(uploads, chunks, bytes)}`)
        await terminal.print(`orphans found: ${orphans} (${humanSize(orphanBytes)})`)
      }
      return 0
    },
    ' (a running server collects by itself every --collect-interval; --dry-run works beside it)',
  )
}

function plan(command: Command, options: GcOptions): Promise<void> {
  return performOnStore(
    command,
    async () => (await import('../../server/open-stores.ts')).openStoreToRead(flags(options), process.env),
    async ({ store, terminal, isJson }) => {
      const { planCollection } = await import('../../admin/plan-collection.ts')
      const planned = await planCollection(store)
      if (isJson) await terminal.printJson(planned)
      else {
        const { uploads, chunks, bytes, unknown, unknownBytes } = planned
        await terminal.print(`would delete: ${amount(uploads, chunks, bytes)}`)
        await terminal.print(
          `not in the catalog: ${count(unknown, 'chunk')} (${humanSize(unknownBytes)}), orphans or of uploads under way`,
        )
      }
      return 0
    },
  )
}

function flags({ store, collectGrace, orphanGrace }: GcOptions): readonly string[] {
  return flagsOf({ store, 'collect-grace': collectGrace, 'orphan-grace': orphanGrace })
}

function amount(uploads: number, chunks: number, bytes: number): string {
  return `${count(uploads, 'upload')}, ${count(chunks, 'chunk')} (${humanSize(bytes)})`
}
