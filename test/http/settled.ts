import { expect } from 'vitest'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { defaultSpace, type StoredFile } from '../../src/model/file.ts'
import { storedFiles } from '../chunks/stored-files.ts'
import { eventually } from '../robustness/eventually.ts'
import type { TestServer } from '../support/test-server.ts'

const atRest = {
  leasedBytes: 0,
  waiting: 0,
  storing: 0,
  reading: 0,
  open: [] as readonly unknown[],
  receiving: [] as readonly unknown[],
  uploads: [] as readonly unknown[],
}

/**
 * Waits until nothing is going on any more: no buffer lent, nothing stored, read, open or
 * unfinished, and, after a collection, exactly the chunks on disk that files have. Resolves with
 * all files.
 */
export async function settled(server: TestServer): Promise<readonly StoredFile[]> {
  return eventually(async () => {
    expect(await activityOf(server)).toEqual(atRest)
    const files = await filesOf(server)
    expect(chunkFilesOf(server)).toEqual(await locationsOf(server, files))
    return files
  })
}

async function activityOf({ store }: TestServer): Promise<typeof atRest> {
  // A negative time of grace: also what was unlinked in this very millisecond.
  await collectGarbage({ ...store, options: { ...store.options, collectGraceMs: -1 } })
  return {
    leasedBytes: store.pool.leasedBytes,
    waiting: store.pool.waiting,
    storing: store.storing.running + store.storing.waiting,
    reading: store.reading.running + store.reading.waiting,
    open: store.activeDownloads.inUse,
    receiving: [...store.receiving],
    uploads: await store.catalog.listUploads(defaultSpace, 1000),
  }
}

async function filesOf({ store }: TestServer): Promise<readonly StoredFile[]> {
  const page = await store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
  expect(page.next).toBeUndefined()
  return page.files
}

async function locationsOf({ store }: TestServer, files: readonly StoredFile[]): Promise<readonly string[]> {
  const lists = await Promise.all(files.map(({ id }) => store.catalog.listChunks(id, 0, 1_000_000)))
  return [...new Set(lists.flat().map(({ location }) => location))].sort()
}

/** Locations of all chunks, whether or not anything uses them. */
export function chunkFilesOf({ chunkDirectory }: TestServer): readonly string[] {
  return [...storedFiles(chunkDirectory).keys()].sort()
}
