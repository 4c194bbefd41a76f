import type { Command } from 'commander'
import type { UploadInfo } from '../client/node.ts'
import { isStoreError } from '../model/errors.ts'
import { addCommonOptions } from './common-options.ts'
import { count, humanSize } from './terminal/quantities.ts'
import { perform, type Session } from './session.ts'
import { fitted } from './terminal/help-text.ts'

const help = `
An interrupted upload can be resumed until it expires. A large file is sent in several parts, each an upload of its own.

Examples:
  ashlar uploads                  id, bytes received, expiry, name
  ashlar uploads --json
  ashlar uploads rm 0199a3c1-5a6b-7c3d-9e2f-0123456789ab
  ashlar uploads rm --all         including those that are being sent`

/** `ashlar uploads` and `ashlar uploads rm` */
export function uploads(command: Command): void {
  command
    .enablePositionalOptions()
    .addHelpText('after', fitted(help))
    .action(() => perform(command, list))
  addCommonOptions(command, '10s')

  const remove = command
    .command('rm')
    .description('delete uploads and free the space of what had arrived')
    .argument('[ids...]', 'as ashlar uploads shows them')
    .option('--all', 'all that are unfinished')
    .addHelpText(
      'after',
      '\nExamples:\n  ashlar uploads rm 0199a3c1-5a6b-7c3d-9e2f-0123456789ab\n  ashlar uploads rm --all',
    )
    .action((ids: readonly string[], { all }: { readonly all?: true }) => {
      if (ids.length > 0 === (all === true)) remove.error('error: give ids, or --all')
      return perform(remove, (session) => end(session, ids))
    })
  addCommonOptions(remove, '10s')
}

async function list({ client, signal, terminal, isJson }: Session): Promise<void> {
  for await (const upload of client.listUploads({ signal })) {
    if (isJson) await terminal.printJson(upload)
    else await terminal.print(lineOf(upload))
  }
}

function lineOf({ id, name, size, offset, expiresAt }: UploadInfo): string {
  const sizes = `${humanSize(offset)} of ${size === null ? '?' : humanSize(size)}`
  return `${id}  ${sizes.padStart(20)}  ${expiresAt}  ${name}`
}

async function end(session: Session, given: readonly string[]): Promise<void> {
  const { client, signal, terminal, isJson } = session
  const isAll = given.length === 0
  let ended = 0
  for await (const id of isAll ? idsOf(client.listUploads({ signal })) : given) {
    try {
      await client.deleteUpload(id, { signal })
      ended += 1
      if (isJson) await terminal.printJson({ deleted: id })
    } catch (error) {
      signal.throwIfAborted()
      // It has become a file, or somebody else was faster.
      if (!isAll || !isStoreError(error, 'not_found')) session.fail(id, error)
    }
  }
  terminal.say(`${count(ended, 'upload')} deleted`)
}

async function* idsOf(all: AsyncIterable<UploadInfo>): AsyncGenerator<string> {
  for await (const { id } of all) yield id
}
