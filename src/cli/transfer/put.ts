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
Names: a file is stored under its own name, without its folders. With -r, a folder is stored under its own name, with everything
below it. A path ending in . or .. stores the contents of that folder without a folder name. --to puts everything into a folder of
the store; --name replaces the name. Names use / between their segments on every system.

A pattern in quotes is expanded here. Links to files are followed. A link to a folder inside a folder is skipped and reported. Empty
folders are not kept. The modification time and the permissions are kept in the metadata as mtime and mode, for get.

Run it again to resume. A file that the store has with the same content is not sent again; of a partly sent one, only the rest is.
Input from stdin cannot be read twice, so it is sent from the beginning; it may pause for as long as the server keeps unfinished
uploads.

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
    .option('--to <folder>', 'store everything in this folder')
    .option('--name <name>', 'store under this name; for a single path or stdin')
    .option('-r, --recursive', 'upload folders with everything below them')
    .option('--type <media type>', 'media type, such as image/png; by default from the file extension')
    .option('--meta <key=value>', 'store this metadata with the file; can be repeated', addMetadata)
    .option('--no-replace', 'fail instead of replacing a file that has other content', true)
    .option('--parallel <n>', 'parts of one file sent in parallel (default: 4)', toWholeNumber(64))
    .option(
      '--files-at-once <n>',
      'files sent in parallel (default: 32 of up to 1 MiB, 8 larger ones)',
      toWholeNumber(256),
    )
    .addHelpText('after', fitted(help))
    .action(async (paths: readonly string[], options: PutFlags) => {
      const isStdin = paths.includes('-')
      refuseNonsense(command, paths, isStdin, options)
      if (isStdin) await perform(command, (session) => putStdin(session, options))
      else {
        const hint = 'interrupted: run the same command again to resume'
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
    command.error('error: upload stdin alone, and give it a name: ashlar put - --name …')
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
