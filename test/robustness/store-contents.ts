import { expect } from 'vitest'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { defaultSpace } from '../../src/model/file.ts'
import { eventually } from './eventually.ts'

/** All that a store keeps, by what tells one from the other. */
export interface StoreContents {
  readonly files: readonly string[]
  readonly uploads: readonly string[]
  readonly locations: readonly string[]
}

/** What is left once everything has been collected that may be. */
export async function contentsOf(store: FileStore): Promise<StoreContents> {
  // What was unlinked within this millisecond is not old enough before the next one.
  const now = Date.now()
  await eventually(() => expect(Date.now()).toBeGreaterThan(now))
  await collectGarbage(store)
  const { files } = await store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 10_000 })
  const uploads = await store.catalog.listUploads(defaultSpace, 10_000)
  const locations: string[] = []
  for await (const { location } of store.chunks.list()) locations.push(location)
  return {
    files: files.map(({ name, digest }) => `${name} ${digest}`),
    uploads: uploads.map(({ id }) => id),
    locations: locations.sort(),
  }
}

/**
 * Fails unless everything that was lent is given back, soon, and nobody waits or works any more.
 */
export function expectIdle(store: FileStore): Promise<void> {
  return eventually(() => {
    const { pool, storing, reading, writingPieces, zeroCopyBudget, activeDownloads, receiving, uncommitted } =
      store
    expect({
      leased: pool.leasedBytes,
      waiting: pool.waiting,
      storing: storing.running + storing.waiting,
      reading: reading.running + reading.waiting,
      writing: writingPieces.running + writingPieces.waiting + zeroCopyBudget.running,
      open: activeDownloads.inUse,
      receiving: receiving.size,
      uncommitted: uncommitted.size,
    }).toEqual({
      leased: 0,
      waiting: 0,
      storing: 0,
      reading: 0,
      writing: 0,
      open: [],
      receiving: 0,
      uncommitted: 0,
    })
  })
}

/** Fails unless the store is soon idle and keeps just that. */
export async function expectContents(store: FileStore, contents: StoreContents): Promise<void> {
  await expectIdle(store)
  await eventually(async () => expect(await contentsOf(store)).toEqual(contents))
}
