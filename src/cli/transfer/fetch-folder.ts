import { mkdir } from 'node:fs/promises'
import type { FileInfo } from '../../client/node.ts'
import { writableName } from '../../model/writable-name.ts'
import { atPath } from './at-path.ts'
import { fetchFile, type FetchOptions } from './fetch-file.ts'
import { atOnce } from '../../rx/at-once.ts'
import { joined } from './local-files.ts'
import { ignoresCase, makeFoldersFor, pathBelow } from './local-tree.ts'
import { NameConflicts } from './name-conflicts.ts'
import type { Session } from '../session.ts'
import { storeFolder, type StoreFolder } from '../store-folder.ts'
import { TransferReport } from './transfer-report.ts'

export interface FetchFolderOptions extends FetchOptions {
  readonly filesAtOnce: number
}

/**
 * Brings all files of a folder of the store below `root`. A file that fails is reported, and the
 * others go on.
 */
export async function fetchFolder(
  session: Session,
  ref: string,
  root: string,
  options: FetchFolderOptions,
): Promise<void> {
  const { signal } = session
  const folder = storeFolder(ref)
  const report = await TransferReport.start(session, ['fetching', 'fetched'])
  const counted = report.isWatched ? countFilesToFetch(session, folder, report) : undefined
  try {
    const conflicts = await atPath(root, async () => {
      await mkdir(root, { recursive: true })
      return new NameConflicts({ ignoresCase: await ignoresCase(root) })
    })
    const files = filesIn(session, folder, ref)
    await atOnce(
      files,
      options.filesAtOnce,
      async (file) => {
        try {
          const local = writableName(joinedBelow(folder, file.name), {
            isWindows: process.platform === 'win32',
          })
          const path = pathBelow(root, local)
          const conflict = conflicts.of(local)
          if (conflict !== undefined) throw new Error(conflict)
          await atPath(path, async () => {
            await makeFoldersFor(root, path)
            await fetchFile(session, report, file, path, options)
          })
        } catch (error) {
          session.fail(file.name, error)
        }
      },
      signal,
    )
  } finally {
    await counted
    report.end()
  }
}

function joinedBelow({ prefix, ownName }: StoreFolder, name: string): string {
  // What a name has in front is kept as it is, wrong or not: it is checked afterwards.
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : name
  return ownName === '' ? rest : `${ownName}/${rest}`
}

/**
 * In the order of names. Rejects `not_found` if there are none; a file that has the name of the
 * folder is one.
 */
async function* filesIn(
  { client, signal }: Session,
  { prefix }: StoreFolder,
  ref: string,
): AsyncGenerator<FileInfo> {
  let isEmpty = true
  for await (const entry of client.list({ prefix }, { signal })) {
    if (!('file' in entry)) continue
    isEmpty = false
    yield entry.file
  }
  if (isEmpty && prefix !== '') yield client.show(joined(ref), { signal })
}

/**
 * What there is to do, for the progress bar: found by a listing of its own, ahead of the fetching.
 */
async function countFilesToFetch(
  { client, signal }: Session,
  { prefix }: StoreFolder,
  report: TransferReport,
): Promise<void> {
  try {
    for await (const entry of client.list({ prefix }, { signal })) {
      if ('file' in entry) report.expect(1, entry.file.size)
    }
  } catch {
    // The other listing tells of it.
  }
}
