import type { Command } from 'commander'
import type { MigrationSummary } from '../../admin/migrate-store.ts'
import type { OpenedStore, StoreToRead } from '../../admin/opened-store.ts'
import { watchInterruption } from '../terminal/interruption.ts'
import { messageOf } from '../terminal/message-of.ts'
import { ProgressBar } from '../terminal/progress-bar.ts'
import { count, grouped, humanSize } from '../terminal/quantities.ts'
import { flagsOf, performOnStore, type StoreSession } from './store-command.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { fitted } from '../terminal/help-text.ts'

interface MigrateOptions {
  readonly from: string
  readonly fromCatalog: string
  readonly to: string
  readonly toCatalog: string
  readonly prefix: string
  readonly maxBufferMemory?: string
}

interface BothStores {
  readonly from: StoreToRead
  readonly to: OpenedStore
  close(): Promise<void>
}

const help = `
Copies the files of one store into another one of any kind, and verifies them on the way. A file keeps its id, name, times, media
type, metadata, ETag and chunk boundaries. The source is only read, and servers may have it open. They may have the target open if its
catalog is in PostgreSQL.

Write addresses as for ashlar serve. All other settings come from the server's variables and apply to both stores: ASHLAR_S3_ENDPOINT,
ASHLAR_MAX_UPLOAD_CONCURRENCY, …

Run it again to resume, or to copy what changed since: what is there is not copied again. A file takes the place of
what the target has under its name. What only the target has stays, also what was deleted from the source since.

Exit codes: 0 all is there; 1 something is not, and lines on stderr say what; 2 wrong usage, or a store cannot be opened; 130 after Ctrl-C and
143 after SIGTERM.

Examples:
  ashlar migrate --from /srv/files --to s3://bucket/files \\
    --to-catalog postgres://ashlar@db/ashlar
  ashlar migrate --from s3://bucket/files \\
    --from-catalog postgres://ashlar@db/ashlar --to /srv/files --prefix photos/`

/** `ashlar migrate` */
export function migrate(command: Command): void {
  command
    .requiredOption('--from <address>', 'the store to copy from')
    .option('--from-catalog <address>', 'where its catalog is', 'sqlite')
    .requiredOption('--to <address>', 'the store to copy to; created if it does not exist')
    .option('--to-catalog <address>', 'where its catalog is', 'sqlite')
    .option('--prefix <prefix>', 'only names that begin so', '')
    .option('--max-buffer-memory <size>', 'all buffers together (ASHLAR_MAX_BUFFER_MEMORY; 128MiB)')
    .option('--json', 'results as JSON, an object in each line')
    .helpOption('-h, --help', 'print this')
    .addHelpText('after', fitted(help))
    .action((options: MigrateOptions) =>
      performOnStore(
        command,
        (terminal) => openBoth(terminal, options),
        (session) => copy(session, options),
      ),
    )
}

async function openBoth(terminal: Terminal, options: MigrateOptions): Promise<BothStores> {
  const { fromCatalog, toCatalog, maxBufferMemory } = options
  if (fromCatalog === toCatalog && toCatalog !== 'sqlite') throw new Error(tooSame)
  const { openStoreToFill, openStoreToRead } = await import('../../server/open-stores.ts')
  const flags = (store: string, catalog: string) =>
    flagsOf({ store, catalog, 'max-buffer-memory': maxBufferMemory })
  const from = await naming('from', () => openStoreToRead(flags(options.from, fromCatalog), process.env))
  try {
    const to = await naming('to', () =>
      openStoreToFill(flags(options.to, toCatalog), process.env, (error, doing) =>
        terminal.complain(`ashlar: failed while ${doing}: ${messageOf(error)}`),
      ),
    )
    const close = async () => {
      await to.close()
      await from.close()
    }
    if (from.address !== to.address) return { from, to, close }
    await to.close()
    throw new Error(tooSame)
  } catch (error) {
    await from.close()
    throw error
  }
}

const tooSame = '--from and --to share their chunks or their catalog: give each its own address'

/** Of what is wrong with the flags of one of the two stores, says which. */
async function naming<T>(side: 'from' | 'to', open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const [, flag, rest] = /^--(store|catalog) (".*)$/s.exec(messageOf(error)) ?? []
    if (rest === undefined) throw error
    throw new Error(`--${side}${flag === 'catalog' ? '-catalog' : ''} ${rest}`, { cause: error })
  }
}

async function copy(
  { store: { from, to }, terminal, isJson }: StoreSession<BothStores>,
  { prefix }: MigrateOptions,
): Promise<number> {
  const { countFilesToMigrate: countFiles, migrateStore } = await import('../../admin/migrate-store.ts')
  const interruption = watchInterruption()
  const { signal } = interruption
  const bar = process.stderr.isTTY ? await ProgressBar.start(terminal) : undefined
  // What keeps it from counting is said by who copies.
  const counted = bar && countFiles(from, { prefix, signal }, (bytes) => bar.expect(1, bytes)).catch(() => {})
  const { summary, stoppedBy } = await migrateStore(from, to, {
    prefix,
    signal,
    onFailed: (name, error) => terminal.complain(`ashlar: ${name}: ${messageOf(error)}`),
    onAdvanced: (bytes) => bar?.advance(bytes),
    onDone: () => bar?.fileDone(),
  })
  await counted
  bar?.stop()
  if (isJson) await terminal.printJson(summary)
  else await terminal.print(lineOf(summary))
  interruption.stop()
  if (interruption.exitCode !== undefined) {
    terminal.complain('ashlar: interrupted: run the same command again to resume')
    return interruption.exitCode
  }
  if (stoppedBy !== undefined) terminal.complain(`ashlar: ${messageOf(stoppedBy)}`)
  return stoppedBy !== undefined || summary.failed > 0 ? 1 : 0
}

function lineOf({ files, bytes, changed, unchanged, failed }: MigrationSummary): string {
  const others = `${grouped(changed)} changed, ${grouped(unchanged)} unchanged, ${grouped(failed)} failed`
  return `${count(files, 'file')} copied, ${humanSize(bytes)}; ${others}`
}
