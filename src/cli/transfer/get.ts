import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import type { FileInfo } from '../../client/node.ts'
import { parseByteRange, type RequestedRange } from './byte-range.ts'
import { isStoreError, StoreError } from '../../model/errors.ts'
import { writableName } from '../../model/writable-name.ts'
import { addCommonOptions, toWholeNumber } from '../common-options.ts'
import { atPath } from './at-path.ts'
import { noSuchId } from '../terminal/message-of.ts'
import { fetchFile } from './fetch-file.ts'
import { fetchFolder } from './fetch-folder.ts'
import { fetchRange } from './fetch-range.ts'
import { pathBelow } from './local-tree.ts'
import { perform, type Session } from '../session.ts'
import { TransferReport } from './transfer-report.ts'
import { fitted } from '../terminal/help-text.ts'

export interface GetOptions {
  readonly recursive?: true
  readonly range?: RequestedRange
  readonly parallel?: number
  readonly filesAtOnce: number
}

const help = `
Without a path, the file is saved in this folder under the last segment of its name. A path that is a folder, or ends in /, is the
folder to save it in. With -r, the folder is created inside <path> under its own name; photos/. fetches the contents of photos, and .
alone fetches everything.

A file is written as <path>.ashlar-part, and renamed when it is whole and verified. Run it again to resume: only what is missing is
fetched. A file that has the content already is not fetched; one with other content is replaced. Times and permissions that put
has kept are restored. Nothing is written outside the folder, and no link in it is followed. Names that this file system cannot hold,
or cannot tell apart, are reported.

Examples:
  ashlar get videos/holiday.mp4                 as holiday.mp4
  ashlar get videos/holiday.mp4 /tmp/sea.mp4
  ashlar get photos.tar - | tar x
  ashlar get -r photos                          as photos/…
  ashlar get -r photos/. /srv/copy              as /srv/copy/…, without photos
  ashlar get -r . backup                        everything
  ashlar get log.txt - --range -500             the last 500 bytes
  ashlar get a.iso start --range 0-1023         the first KiB`

/** `ashlar get` */
export function get(command: Command): void {
  command
    .argument('<ref>', 'a name, @ and an id, or with -r a folder')
    .argument('[path]', 'where to; - for stdout')
    .option('-r, --recursive', 'fetch a folder with everything below it')
    .option('--range <first-last>', 'only these bytes: 0-99, 100- or -500', rangeOf)
    .option('--parallel <n>', 'ranges of one file fetched in parallel (default: 4)', toWholeNumber(64))
    .option('--files-at-once <n>', 'files fetched in parallel', toWholeNumber(256), 8)
    .addHelpText('after', fitted(help))
    .action(async (ref: string, path: string | undefined, options: GetOptions) => {
      const { json } = command.opts<{ json?: true }>()
      if (options.recursive && (options.range || path === '-')) {
        command.error('error: -r fetches whole files into a folder: leave out --range and -')
      }
      if (path === '-' && json)
        command.error('error: stdout takes the bytes or --json, not both: leave out --json or give a path')
      const hint = 'interrupted: run the same command again to resume'
      await perform(
        command,
        (session) => getInto(session, ref, path, options),
        path === '-' ? undefined : hint,
      )
    })
  addCommonOptions(command, '5m')
}

async function getInto(
  session: Session,
  ref: string,
  path: string | undefined,
  options: GetOptions,
): Promise<void> {
  try {
    if (options.recursive) await fetchFolder(session, ref, path ?? '.', options)
    else if (path === '-' || options.range) await getBytes(session, ref, path, options)
    else await getFile(session, ref, path, options)
  } catch (error) {
    session.fail(ref, withHint(error, ref, options))
  }
}

function withHint(error: unknown, ref: string, { recursive }: GetOptions): unknown {
  if (!isStoreError(error, 'not_found')) return error
  if (ref.startsWith('@')) return new StoreError('not_found', noSuchId)
  return recursive ? error : new StoreError('not_found', 'There is no such file; add -r to fetch a folder.')
}

async function getBytes(
  session: Session,
  ref: string,
  path: string | undefined,
  options: GetOptions,
): Promise<void> {
  const { client, signal, terminal } = session
  const { range, parallel } = options
  const reading = await client.read(ref, { ...range, ...(parallel !== undefined && { parallel }), signal })
  if (range && reading.file.size > 0 && reading.from >= reading.file.size) {
    throw new Error(`has only ${reading.file.size} bytes: ask for a range that begins within them`)
  }
  if (path !== '-') {
    const target = await targetOf(reading.file, path)
    return atPath(target, () => fetchRange(session, reading, target))
  }
  for await (const piece of reading.bytes) await terminal.write(piece)
}

async function getFile(
  session: Session,
  ref: string,
  path: string | undefined,
  options: GetOptions,
): Promise<void> {
  const { client, signal } = session
  const file = await client.show(ref, { signal })
  const target = await targetOf(file, path)
  const report = await TransferReport.start(session, ['fetching', 'fetched'])
  try {
    report.expect(1, file.size)
    await atPath(target, () =>
      fetchFile(session, report, file, target, { ...options, isById: ref.startsWith('@') }),
    )
  } finally {
    report.end()
  }
}

/** Where a single file goes. */
async function targetOf({ name }: FileInfo, path: string | undefined): Promise<string> {
  const own = writableName(name.slice(name.lastIndexOf('/') + 1), { isWindows: process.platform === 'win32' })
  if (path === undefined) return pathBelow('.', own)
  return /[\\/]$/.test(path) || (await isFolder(path)) ? join(path, pathBelow('.', own)) : path
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

function rangeOf(text: string): RequestedRange {
  const range = parseByteRange(text)
  if (!range) throw new InvalidArgumentError('It is written 0-99, 100- or -500.')
  return range
}
