import { InvalidArgumentError, type Command } from 'commander'
import { parseFileName, type Metadata } from '../../model/file.ts'
import { addCommonOptions, toWholeNumber } from '../common-options.ts'
import { joined } from './local-files.ts'
import { messageOf } from '../terminal/message-of.ts'
import { putFiles } from './put-files.ts'
import type { PutFlags } from './put-options.ts'
import { putStdin } from './put-stdin.ts'
import { perform } from '../session.ts'
import { fitted } from '../terminal/help-text.ts'

const help = `
Names: a file is put under its own name, without the folders in front of it; a folder with -r as its own name and all that is below it.
A path that ends in . or .. has no own name: what is in that folder is put without one. --to is a folder in the store that all
go into; --name is instead of the own name. Names have / between their segments on every system.

A pattern in quotes is expanded here. Links to files are followed; a link to a folder inside a folder is skipped and named; empty
folders are not kept. The time of the last change and the permissions are kept in the metadata as mtime and mode, for get.

A file that is in the store with the same content is not sent again, and of one that was broken off only what is missing: to go on after
an interruption do the same again. What comes from stdin cannot be read again, so that has to be sent from its beginning;
it may pause for as long as the server keeps unfinished uploads.

Examples:
  ashlar put holiday.mp4                          as holiday.mp4
  ashlar put holiday.mp4 --to videos/2026         as videos/2026/holiday.mp4
  ashlar put holiday.mp4 --name videos/sea.mp4    as videos/sea.mp4
  ashlar put -r photos                            as photos/…
  ashlar put -r photos/. --to backup              as backup/…, without photos
  ashlar put '*.jpg' --meta camera=X100 --no-replace
  tar c photos | ashlar put - --name photos.tar --type application/x-tar`

/** `ashlar put` */
export function put(command: Command): void {
  command
    .argument('<paths...>', 'files, folders with -r, patterns in quotes, or - for stdin')
    .option('--to <folder>', 'the folder in the store that everything goes into')
    .option('--name <name>', 'the name instead of the own one; for a single path, and for stdin')
    .option('-r, --recursive', 'folders with all that is below them')
    .option('--type <media type>', 'what it is, such as image/png; if not given, by the ending of its name')
    .option('--meta <key=value>', 'keep this with the file; can be repeated', addMetadata)
    .option(
      '--no-replace',
      'leave a file alone that is there under the name with other content, and fail',
      true,
    )
    .option('--parallel <n>', 'parts of one file sent side by side (default: 4)', toWholeNumber(64))
    .option(
      '--files-at-once <n>',
      'files sent side by side (default: 32 of up to 1 MiB, 8 larger ones)',
      toWholeNumber(256),
    )
    .addHelpText('after', fitted(help))
    .action(async (paths: readonly string[], options: PutFlags) => {
      const isStdin = paths.includes('-')
      refuseNonsense(command, paths, isStdin, options)
      if (isStdin) await perform(command, (session) => putStdin(session, options))
      else {
        const hint = 'interrupted: do the same again to go on from here'
        await perform(command, (session) => putFiles(session, paths, options), hint)
      }
    })
  addCommonOptions(command, '5m')
}

function refuseNonsense(
  command: Command,
  paths: readonly string[],
  isStdin: boolean,
  { name }: PutFlags,
): void {
  if (isStdin && (paths.length > 1 || name === undefined)) {
    command.error('error: what comes from stdin is put by itself, and needs a name: ashlar put - --name …')
  }
  if (name === undefined) return
  if (paths.length > 1) command.error('error: --name is for a single path: use --to for several')
  try {
    parseFileName(joined(name))
  } catch (error) {
    command.error(`error: --name: ${messageOf(error)}`)
  }
}

function addMetadata(text: string, metadata: Metadata = {}): Metadata {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It is written key=value.')
  return { ...metadata, [text.slice(0, at)]: text.slice(at + 1) }
}
