import type { Command } from 'commander'
import { expectAll, withBar } from '../terminal/progress-bar.ts'
import { count } from '../terminal/quantities.ts'
import { fitted } from '../terminal/help-text.ts'
import { messageOf } from '../terminal/message-of.ts'
import { addStoreOptions, flagsOf, notBegun, performOnStore } from './store-command.ts'

const help = `
Makes a new catalog from the manifests that a store keeps beside its chunks, with every file, its name and metadata. Use it if the
catalog is lost, or if an old one must not be used. Unfinished uploads do not come back. Stop the server and move
catalog.sqlite and catalog.sqlite-wal away first, but leave catalog.sqlite.commits. Chunks are not read: run ashlar fsck afterwards.

Exit codes: 0 all is back; 1 something is lost, and lines on stderr say what; 2 wrong usage, or nothing to make it of.

Examples:
  ashlar rebuild --store /srv/files && ashlar fsck --store /srv/files`

/** `ashlar rebuild` */
export function rebuild(command: Command): void {
  addStoreOptions(command)
  command.addHelpText('after', fitted(help)).action((options: { readonly store?: string }) =>
    performOnStore(
      command,
      async () =>
        (await import('../../server/open-stores.ts')).openStoreToRebuild(
          flagsOf({ store: options.store }),
          process.env,
        ),
      async ({ store, terminal, isJson }) => {
        const rebuilt = await withBar(
          terminal,
          (bar) => {
            if (bar) void expectAll(bar, store.manifests.list())
            return store.rebuild((bytes) => {
              bar?.advance(bytes)
              bar?.fileDone()
            })
          },
          'manifests',
        ).catch((error: unknown) => {
          if (store.hasBegun()) throw error
          terminal.complain(`ashlar: ${messageOf(error)}`)
        })
        if (!rebuilt) return notBegun
        const { manifests, files, damagedManifests, lostChunks } = rebuilt
        for (const location of damagedManifests) {
          terminal.complain(`ashlar: the manifest ${location} is damaged: its content is lost`)
        }
        if (lostChunks > 0) {
          terminal.complain(
            `ashlar: ${count(lostChunks, 'chunk')} lost: run ashlar fsck to see which files are affected`,
          )
        }
        if (isJson) await terminal.printJson(rebuilt)
        else
          await terminal.print(`a new catalog: ${count(files, 'file')} from ${count(manifests, 'manifest')}`)
        return damagedManifests.length + lostChunks > 0 ? 1 : 0
      },
    ),
  )
}
