import type { Command } from 'commander'
import { isStoreError, StoreError } from '../model/errors.ts'
import { addCommonOptions } from './common-options.ts'
import { atOnce } from '../rx/at-once.ts'
import { noSuchId } from './terminal/message-of.ts'
import { joined } from './transfer/local-files.ts'
import { count } from './terminal/quantities.ts'
import { perform, type Session } from './session.ts'
import { storeFolder } from './store-folder.ts'
import { fitted } from './terminal/help-text.ts'

interface RmOptions {
  readonly recursive?: true
  readonly dryRun?: true
}

const deletesAtOnce = 8

const help = `
With --json every file is shown as {"deleted": "name"}, in a dry run as {"wouldDelete": "name"}.

Examples:
  ashlar rm videos/holiday.mp4
  ashlar rm @0199a3c1-5a6b-7c3d-9e2f-0123456789ab
  ashlar rm -r --dry-run photos/2025         what would be deleted
  ashlar rm -r photos/2025`

/** `ashlar rm` */
export function rm(command: Command): void {
  command
    .argument('<refs...>', 'names, @ and ids, or with -r folders')
    .option('-r, --recursive', 'delete folders with everything below them')
    .option('--dry-run', 'only show what would be deleted')
    .addHelpText('after', fitted(help))
    .action((refs: readonly string[], options: RmOptions) => {
      if (refs.some((ref) => storeFolder(ref).prefix === '')) {
        command.error('error: refusing to delete everything: name a file or folder')
      }
      return perform(command, (session) => remove(session, refs, options))
    })
  addCommonOptions(command, '10s')
}

async function remove(session: Session, refs: readonly string[], options: RmOptions): Promise<void> {
  const { client, signal, terminal, isJson } = session
  let files = 0
  try {
    await atOnce(
      found(session, refs, options),
      deletesAtOnce,
      async ({ ref, isListed }) => {
        try {
          if (!options.dryRun) await client.delete(ref, { signal })
          else if (!isListed) await client.show(ref, { signal })
          files += 1
          if (isJson) await terminal.printJson(options.dryRun ? { wouldDelete: ref } : { deleted: ref })
          else if (options.dryRun) await terminal.print(ref)
        } catch (error) {
          // Somebody else was faster, which is as well.
          if (!isListed || !isStoreError(error, 'not_found')) session.fail(ref, withHint(error, ref, options))
        }
      },
      signal,
    )
  } finally {
    terminal.say(`${count(files, 'file')} ${options.dryRun ? 'would be deleted' : 'deleted'}`)
  }
}

interface Found {
  readonly ref: string
  /** It was there a moment ago. */
  readonly isListed: boolean
}

async function* found(
  session: Session,
  refs: readonly string[],
  { recursive }: RmOptions,
): AsyncGenerator<Found> {
  for (const ref of refs) {
    if (recursive && !ref.startsWith('@')) yield* below(session, ref)
    else yield { ref, isListed: false }
  }
}

/** A file that has the name of the folder is meant, too. */
async function* below(session: Session, folder: string): AsyncGenerator<Found> {
  const { client, signal } = session
  const { prefix, ownName } = storeFolder(folder)
  let isEmpty = true
  try {
    for await (const entry of client.list({ prefix }, { signal })) {
      if (!('file' in entry)) continue
      isEmpty = false
      yield { ref: entry.file.name, isListed: true }
    }
    if (ownName === '' || folder.endsWith('/')) {
      if (isEmpty) throw new StoreError('not_found', 'There is no such folder.')
      return
    }
    const name = joined(folder)
    const isThere = await client.show(name, { signal }).then(
      () => true,
      (error: unknown) => {
        if (isStoreError(error, 'not_found')) return false
        throw error
      },
    )
    if (isThere) yield { ref: name, isListed: true }
    else if (isEmpty) throw new StoreError('not_found', 'There is no such file or folder.')
  } catch (error) {
    session.fail(folder, error)
  }
}

function withHint(error: unknown, ref: string, { recursive }: RmOptions): unknown {
  if (!isStoreError(error, 'not_found')) return error
  if (ref.startsWith('@')) return new StoreError('not_found', noSuchId)
  return recursive ? error : new StoreError('not_found', 'There is no such file; add -r to delete a folder.')
}
