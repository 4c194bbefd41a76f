import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../../model/errors.ts'
import { holdLock, syncDirectory } from './connection.ts'
import { SqliteCatalog } from './sqlite-catalog.ts'

/**
 * Creates the catalog at a path where none is, filled by `fill`. It is there whole or not at all: what a crash leaves is
 * thrown away by the next attempt. Rejects `unavailable` if there is a catalog, or a server has the place.
 */
export async function createAnew(
  path: string,
  fill: (catalog: SqliteCatalog) => Promise<void>,
): Promise<void> {
  const lock = holdLock(path)
  try {
    if (existsSync(path)) {
      throw new StoreError(
        'unavailable',
        `There is a catalog at ${path}: move it away first, with its -wal file.`,
      )
    }
    const draft = `${path}.rebuilding`
    for (const end of ['', '-wal', '-shm']) await rm(`${draft}${end}`, { force: true })
    // Left by a server that was killed: it belongs to the catalog that is gone.
    for (const end of ['-wal', '-shm']) await rm(`${path}${end}`, { force: true })
    const catalog = await SqliteCatalog.open(draft)
    try {
      await fill(catalog)
    } finally {
      await catalog.close()
    }
    await rename(draft, path)
    await rm(`${draft}.lock`, { force: true })
    syncDirectory(dirname(path))
  } finally {
    lock.close()
  }
}
