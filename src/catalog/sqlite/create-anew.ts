import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '../../model/errors.ts'
import { CommitNote, readNote } from './commit-note.ts'
import { holdLock } from './connection.ts'
import { SqliteCatalog } from './sqlite-catalog.ts'
import { syncDirectory } from './sync-directory.ts'

/**
 * Creates the catalog at a path that has none, and fills it with `fill`. It appears complete or not
 * at all; the next attempt discards what a crash leaves. Rejects `unavailable` if there is a
 * catalog, or a server has the path locked.
 */
export async function createAnew(
  path: string,
  fill: (catalog: SqliteCatalog) => Promise<void>,
): Promise<void> {
  const lock = holdLock(path)
  try {
    const left = ['', '-wal', '-shm'].map((end) => `${path}${end}`).filter((file) => existsSync(file))
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) {
      const target = join(dirname(path), 'old-catalog')
      const command = `mkdir ${target} && mv ${left.join(' ')} ${target}`
      throw new StoreError('unavailable', `There is a catalog already. Set it aside first: ${command}`)
    }
    const draft = `${path}.rebuilding`
    for (const end of ['', '-wal', '-shm', '.commits']) await rm(`${draft}${end}`, { force: true })
    // Left by a killed server, for a catalog that is gone.
    for (const end of ['-wal', '-shm']) await rm(`${path}${end}`, { force: true })
    const catalog = await SqliteCatalog.open(draft)
    try {
      await fill(catalog)
    } finally {
      await catalog.close()
    }
    const count = countOn(draft, (readNote(path) ?? 0) + 1)
    await rename(draft, path)
    // From now on no earlier catalog is accepted.
    CommitNote.open(path, count).close()
    await rm(`${draft}.commits`, { force: true })
    await rm(`${draft}.lock`, { force: true })
    syncDirectory(dirname(path))
  } finally {
    lock.close()
  }
}

/** Makes the new catalog count from `least`, which is past any count of an old one. */
function countOn(path: string, least: number): number {
  const database = new DatabaseSync(path)
  try {
    database.exec('pragma synchronous = full')
    const update = database.prepare('update commits set count = max(count, ?) returning count')
    const count = Number(update.get(least)?.['count'])
    database.exec('pragma wal_checkpoint(truncate)')
    return count
  } finally {
    database.close()
  }
}
