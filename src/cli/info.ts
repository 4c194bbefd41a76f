import type { Command } from 'commander'
import type { FileInfo, FileWithChunks } from '../client/node.ts'
import { addCommonOptions } from './common-options.ts'
import { count, humanSize } from './terminal/quantities.ts'
import { perform, type Session } from './session.ts'
import { fitted } from './terminal/help-text.ts'

const help = `
Examples:
  ashlar info videos/holiday.mp4
  ashlar info @0199a3c1-5a6b-7c3d-9e2f-0123456789ab --json
  ashlar info --chunks a.iso                 offset, size, digest of each chunk`

/** `ashlar info` */
export function info(command: Command): void {
  command
    .argument('<ref>', 'a name, or @ and an id')
    .option('--chunks', 'also list its chunks')
    .addHelpText('after', fitted(help))
    .action((ref: string, { chunks }: { readonly chunks?: true }) =>
      perform(command, (session) => show(session, ref, chunks === true)),
    )
  addCommonOptions(command, '10s')
}

async function show(session: Session, ref: string, withChunks: boolean): Promise<void> {
  const { client, signal, terminal, isJson } = session
  try {
    const file: FileInfo & Partial<FileWithChunks> = withChunks
      ? await client.showChunks(ref, { signal })
      : await client.show(ref, { signal })
    if (isJson) return await terminal.printJson(file)
    for (const [key, value] of rowsOf(file)) await terminal.print(`${`${key}:`.padEnd(12)}${value}`)
    if (!file.chunks) return
    await terminal.print('chunks:')
    for (const { start, size, digest } of file.chunks) {
      await terminal.print(`${String(start).padStart(16)}  ${humanSize(size).padStart(8)}  ${digest}`)
    }
  } catch (error) {
    session.fail(ref, error)
  }
}

function rowsOf(file: FileInfo): readonly (readonly [string, string])[] {
  return [
    ['name', file.name],
    ['id', file.id],
    [
      'size',
      file.size < 1024 ? count(file.size, 'byte') : `${humanSize(file.size)} (${count(file.size, 'byte')})`,
    ],
    ['type', file.mediaType],
    ['digest', file.digest],
    ['created', file.createdAt],
    ['modified', file.modifiedAt],
    ...Object.entries(file.metadata).map(([key, value]) => ['metadata', `${key}=${value}`] as const),
  ]
}
