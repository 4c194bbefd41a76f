import { hash } from 'node:crypto'
import { lstat, rename } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileSource, fileTarget, type FileInfo } from '../../client/node.ts'
import { isStoreError } from '../../model/errors.ts'
import { restoreAttributes } from './file-attributes.ts'
import type { Session } from '../session.ts'
import type { TransferReport } from './transfer-report.ts'

export interface FetchOptions {
  readonly parallel?: number
  /** This very file is wanted, and no other that has its name by now. */
  readonly isById?: boolean
}

/** What stands behind the path of a file while it is not there whole. */
export const partEnding = '.ashlar-part'

/** Of one name, on all usual file systems. */
const mostNameBytes = 255

/**
 * Brings a file to `path`, where it appears whole or not at all. What an earlier attempt has left
 * is used, and what is there already with the same content stays. Never writes through a link.
 */
export async function fetchFile(
  session: Session,
  report: TransferReport,
  file: FileInfo,
  path: string,
  options: FetchOptions,
): Promise<void> {
  try {
    await fetchThis(session, report, file, path, options)
  } catch (error) {
    if (options.isById || !isStoreError(error, 'not_found')) throw error
    // It was replaced before the server knew that somebody fetches it.
    const now = await session.client.show(file.name, { signal: session.signal })
    if (now.id === file.id) throw error
    await fetchFile(session, report, now, path, options)
  }
}

async function fetchThis(
  session: Session,
  report: TransferReport,
  file: FileInfo,
  path: string,
  { parallel }: FetchOptions,
): Promise<void> {
  const { client, signal, terminal, isJson } = session
  const options = { signal, ...(parallel !== undefined && { parallel }) }
  const isUnchanged = await hasContentOf(session, report, file, await presentFile(path), path)
  let bytesFetched = 0
  if (isUnchanged) {
    await restoreAttributes(path, file.metadata)
  } else {
    await writeInPlace(path, file, async (target) => {
      // By its id: the name may get another file meanwhile.
      const { moved } = await report.follow(client.download(`@${file.id}`, target, options), file.name)
      bytesFetched = moved
    })
  }
  report.done({ isUnchanged })
  const status = isUnchanged ? 'unchanged' : 'fetched'
  if (isJson) await terminal.printJson({ path, status, bytesFetched, file })
}

/** Has `write` fill a file beside `path`, and puts it there when it is done. */
export async function writeInPlace(
  path: string,
  { metadata }: Pick<FileInfo, 'metadata'>,
  write: (target: Awaited<ReturnType<typeof fileTarget>>) => Promise<void>,
): Promise<void> {
  await presentFile(path)
  const part = partBeside(path)
  if ((await presentFile(part))?.isSymbolicLink()) throw new Error(`${part} is a link: remove it`)
  const target = await fileTarget(part)
  try {
    await write(target)
  } finally {
    await target.close()
  }
  await restoreAttributes(part, metadata)
  await rename(part, path)
}

/** A digest stands for a name that would be too long with the ending. */
function partBeside(path: string): string {
  const name = basename(path)
  const isShort = Buffer.byteLength(name) + partEnding.length <= mostNameBytes
  return join(dirname(path), `${isShort ? name : hash('sha256', name)}${partEnding}`)
}

/**
 * What stands at the path. Rejects where a file would take the place of something that is none,
 * such as a device.
 */
async function presentFile(path: string): Promise<Stats | undefined> {
  try {
    const stats = await lstat(path)
    if (stats.isFile() || stats.isSymbolicLink()) return stats
    if (stats.isDirectory()) throw new Error(`${path} is a folder here: remove it, or choose another path`)
    throw new Error(`${path} is not a regular file: use - and redirect stdout`)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

class DiffersError extends Error {}

async function hasContentOf(
  { client, signal }: Session,
  report: TransferReport,
  file: FileInfo,
  present: Stats | undefined,
  path: string,
): Promise<boolean> {
  if (!present?.isFile() || present.size !== file.size) return false
  const source = await fileSource(path)
  const target = {
    size: async () => source.size,
    read: (from: number, to: number) => source.read(from, to),
    write: async () => {
      throw new DiffersError()
    },
    finish: async () => {},
  }
  try {
    // A download into what is there fetches nothing, unless something is missing.
    await report.check(client.download(`@${file.id}`, target, { signal }), file.name)
    return true
  } catch (error) {
    if (error instanceof DiffersError) return false
    throw error
  } finally {
    await source.close()
  }
}
