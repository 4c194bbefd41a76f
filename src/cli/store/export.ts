import type { Command } from 'commander'
import type { StoredFile } from '../../model/file.ts'
import { messageOf } from '../terminal/message-of.ts'
import { expectAll, withBar } from '../terminal/progress-bar.ts'
import { count, grouped, humanSize } from '../terminal/quantities.ts'
import { addStoreOptions, flagsOf, performOnStore } from './store-command.ts'
import { fitted } from '../terminal/help-text.ts'

interface ExportOptions {
  readonly store?: string
  readonly to: string
}

const help = `
Writes every file of a store as a plain file, to the path that its name says, and verifies it. Works with or without a running
server, and never replaces an existing file. Restores the times and permissions that ashlar put has kept. Run it again to resume: a
file with the expected size and time counts as written.

Exit codes: 0 all are written; 1 some are not, and lines on stderr say which; 2 wrong usage, or the store cannot be opened.

Examples:
  ashlar export --store /srv/files --to /mnt/plain
  ashlar export --store /srv/files --to /mnt/plain photos/`

/** `ashlar export` */
export function exportFiles(command: Command): void {
  addStoreOptions(command)
  command
    .argument('[prefix]', 'only names that begin so', '')
    .requiredOption('--to <directory>', 'where to write them')
    .addHelpText('after', fitted(help))
    .action((prefix: string, options: ExportOptions) => write(command, prefix, options))
}

function write(command: Command, prefix: string, { store: directory, to }: ExportOptions): Promise<void> {
  return performOnStore(
    command,
    async () =>
      (await import('../../server/open-stores.ts')).openStoreToRead(
        flagsOf({ store: directory }),
        process.env,
      ),
    async ({ store, terminal, isJson }) => {
      const { exportable, exportStore } = await import('../../admin/export-store.ts')
      const summary = await withBar(terminal, async (bar) => {
        const counted = bar && expectAll(bar, exportable(store, prefix))
        const report = {
          failed: ({ name }: StoredFile, error: unknown) =>
            terminal.complain(`ashlar: ${name}: ${messageOf(error)}`),
          progressed({ name }: StoredFile, bytes: number) {
            bar?.tell(name)
            bar?.advance(bytes)
          },
          exported: () => bar?.fileDone(),
        }
        const exported = await exportStore(store, prefix, to, report)
        await counted
        return exported
      })
      const { files, bytes, unchanged, failed } = summary
      const written = `${count(files, 'file')} written, ${humanSize(bytes)}`
      if (isJson) await terminal.printJson(summary)
      else await terminal.print(`${written}; ${grouped(unchanged)} were there already; ${failed} failed`)
      return failed > 0 ? 1 : 0
    },
  )
}
