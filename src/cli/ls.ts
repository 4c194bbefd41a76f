import type { Command } from 'commander'
import type { FileInfo } from '../client/node.ts'
import { isStoreError, StoreError } from '../model/errors.ts'
import { addCommonOptions } from './common-options.ts'
import { humanSize, twoDigits } from './terminal/quantities.ts'
import { perform, type Session } from './session.ts'
import { storeFolder } from './store-folder.ts'
import { fitted } from './terminal/help-text.ts'

interface LsOptions {
  readonly long?: true
  readonly bytes?: true
  readonly recursive?: true
}

const help = `
A folder is the common beginning of names up to a /, and is shown with its /. Names are shown whole, so that you can pass them to the
other commands. Characters that a terminal would act on or hide are shown as \\u202e; --json has every name as it is. With
--json a file is shown as the server describes it, a folder as {"prefix": "photos/"}.

Examples:
  ashlar ls                          everything in the outermost folder
  ashlar ls -l photos/2026           with sizes and times
  ashlar ls -R photos                all that is below
  ashlar ls -R --json | jq -r 'select(.size > 1e9) | .name'`

/** `ashlar ls` */
export function ls(command: Command): void {
  command
    .argument('[folder]', 'a folder, or a file')
    .option('-l, --long', 'sizes and times, too')
    .option('--bytes', 'with -l: sizes in bytes')
    .option('-R, --recursive', 'list all files below, without folders')
    .addHelpText('after', fitted(help))
    .action((folder: string | undefined, options: LsOptions) =>
      perform(command, (session) => list(session, folder ?? '.', options)),
    )
  addCommonOptions(command, '10s')
}

async function list(session: Session, folder: string, options: LsOptions): Promise<void> {
  const { client, signal } = session
  const { prefix } = storeFolder(folder)
  let isEmpty = prefix !== ''
  const show = async (entry: { readonly file: FileInfo } | { readonly prefix: string }) => {
    isEmpty = false
    if (session.isJson) await session.terminal.printJson('file' in entry ? entry.file : entry)
    else await session.terminal.print(lineOf(entry, options))
  }
  try {
    const file = prefix === '' || folder.endsWith('/') ? undefined : await fileBehind(session, folder)
    if (file) await show({ file })
    const query = { prefix, ...(!options.recursive && { delimiter: '/' }) }
    if (!folder.startsWith('@')) for await (const entry of client.list(query, { signal })) await show(entry)
    if (isEmpty) throw new StoreError('not_found', 'There is no such file or folder.')
  } catch (error) {
    session.fail(prefix === '' ? '' : folder, error)
  }
}

async function fileBehind({ client, signal }: Session, ref: string): Promise<FileInfo | undefined> {
  try {
    return await client.show(ref, { signal })
  } catch (error) {
    if (isStoreError(error, 'not_found') || isStoreError(error, 'invalid_name')) return undefined
    throw error
  }
}

function lineOf(
  entry: { readonly file: FileInfo } | { readonly prefix: string },
  { long, bytes }: LsOptions,
): string {
  const name = 'file' in entry ? entry.file.name : entry.prefix
  if (!long && !bytes) return name
  if (!('file' in entry)) return `${'-'.padStart(bytes ? 15 : 8)}  ${'-'.padEnd(16)}  ${name}`
  const { size, modifiedAt } = entry.file
  const shown = bytes ? String(size).padStart(15) : humanSize(size).padStart(8)
  return `${shown}  ${localTime(modifiedAt)}  ${name}`
}

/** To the minute, as it is here. */
function localTime(iso: string): string {
  const time = new Date(iso)
  const day = `${time.getFullYear()}-${twoDigits(time.getMonth() + 1)}-${twoDigits(time.getDate())}`
  return `${day} ${twoDigits(time.getHours())}:${twoDigits(time.getMinutes())}`
}
