import type { Command } from 'commander'
import type { BadChunk, BadList, BadManifest, CheckSummary, StoreCheck } from '../../admin/check-store.ts'
import { expectAll, withBar, type ProgressBar } from '../terminal/progress-bar.ts'
import { count, humanSize } from '../terminal/quantities.ts'
import { addStoreOptions, flagsOf, performOnStore } from './store-command.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { fitted } from '../terminal/help-text.ts'

interface FsckOptions {
  readonly store?: string
  readonly quick?: true
}

const help = `
Reads every chunk and compares it with its digest, checks that every file has all of its chunks, compares every manifest with the
catalog, and has the catalog's database check itself. Safe on a live store: it changes nothing and ignores concurrent changes. To
mend a damaged chunk, upload the same content again under any name. A running server rewrites damaged manifests (--scrub-rate).

Exit codes: 0 all is well; 1 damage was found, or not everything could be read; 2 wrong usage, or the store cannot be opened.

Examples:
  ashlar fsck --store /srv/files
  ashlar fsck --store /srv/files --quick         only presence and length
  ashlar fsck --store /srv/files --json          one line per finding`

/** `ashlar fsck` */
export function fsck(command: Command): void {
  addStoreOptions(command)
  command
    .option('--quick', 'do not read chunks, only check that they exist and are long enough')
    .addHelpText('after', fitted(help))
    .action(({ store: directory, quick }: FsckOptions) =>
      performOnStore(
        command,
        async () =>
          (await import('../../server/open-stores.ts')).openStoreToRead(
            flagsOf({ store: directory }),
            process.env,
          ),
        async ({ store, terminal, isJson }) => {
          const { checkStore } = await import('../../admin/check-store.ts')
          const report = isJson ? jsonReport(terminal) : textReport(terminal)
          const check = async (bar: ProgressBar | undefined) => {
            // Orphans included.
            const counted = bar && expectAll(bar, store.chunks.list())
            const checked = (bytes: number) => {
              bar?.advance(bytes)
              bar?.fileDone()
            }
            const summary = await checkStore(store, { isQuick: quick === true }, { ...report, checked })
            await counted
            return summary
          }
          const summary = await withBar(terminal, check, 'chunks')
          if (isJson) await terminal.printJson({ kind: 'summary', ...summary })
          else await printSummary(terminal, summary)
          const { faults, damaged, missing, unreadable, inconsistent, manifests } = summary
          return faults + damaged + missing + unreadable + inconsistent + manifests > 0 ? 1 : 0
        },
      ),
    )
}

function jsonReport(terminal: Terminal): StoreCheck {
  return {
    foundChunk: (chunk: BadChunk) => terminal.printJson({ kind: 'chunk', ...chunk }),
    foundList: (list: BadList) => terminal.printJson({ kind: 'list', ...list }),
    foundManifest: (manifest: BadManifest) => terminal.printJson({ kind: 'manifest', ...manifest }),
    foundFault: (fault) => terminal.printJson({ kind: 'catalog', fault }),
  }
}

function textReport(terminal: Terminal): StoreCheck {
  return {
    async foundChunk({ condition, digest, location, reason, holders, hasMoreHolders }) {
      const why = reason === undefined ? '' : `: ${reason}`
      await terminal.print(`${condition}: chunk ${digest} at ${location}${why}`)
      for (const holder of holders) await terminal.print(`  of ${nameOf(holder)}`)
      if (holders.length === 0) await terminal.print('  no longer used by any file')
      if (hasMoreHolders) await terminal.print('  and of more')
    },
    foundFault: (fault) => terminal.print(`the catalog is damaged, run ashlar rebuild: ${fault}`),
    foundList: (list) => terminal.print(`inconsistent: ${nameOf(list)} ${list.fault}`),
    async foundManifest({ condition, reason, ...file }) {
      const why = reason === undefined ? '' : `: ${reason}`
      await terminal.print(`${condition}: manifest of ${nameOf({ isUpload: false, ...file })}${why}`)
    },
  }
}

function nameOf({ isUpload, name, id }: Pick<BadList, 'isUpload' | 'name' | 'id'>): string {
  return `${isUpload ? 'upload' : 'file'} ${name} (@${id})`
}

async function printSummary(terminal: Terminal, summary: CheckSummary): Promise<void> {
  const { files, uploads, chunks, bytes, unknown, unknownBytes, ...bad } = summary
  await terminal.print(
    `${count(files, 'file')}, ${count(uploads, 'upload')}, ${count(chunks, 'chunk')} (${humanSize(bytes)}): ` +
      `${bad.damaged} damaged, ${bad.missing} missing, ${bad.unreadable} unreadable, ${bad.inconsistent} inconsistent, ${count(bad.manifests, 'bad manifest')}`,
  )
  if (unknown === 0) return
  await terminal.print(
    `not in the catalog: ${count(unknown, 'chunk')} (${humanSize(unknownBytes)}), orphans or of uploads under way`,
  )
}
