import { expect } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { findOrphans } from '../../src/files/upkeep/find-orphans.ts'
import { defaultSpace } from '../../src/model/file.ts'
import { expectIdle } from './store-contents.ts'

/**
 * Collects what may be collected, of a store without times of grace, and fails unless exactly the
 * chunks and the manifests of what is there are left, and nobody holds anything any more.
 */
export async function expectNoLeftovers(store: FileStore): Promise<void> {
  await expectIdle(store)
  await findOrphans(store)
  await collectGarbage(store)
  const { catalog } = store
  const { files, next } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
  expect(next).toBeUndefined()
  const uploads = await catalog.listUploads(defaultSpace, 1000)
  const chunks = new Set<string>()
  for (const { id } of [...files, ...uploads]) {
    for (const { location } of await catalog.listChunks(id, 0, 100_000)) chunks.add(location)
  }
  const manifests = await Promise.all(files.map(({ id }) => catalog.listManifestPages(id)))
  expect(await locationsIn(store.chunks)).toEqual([...chunks].sort())
  expect(await locationsIn(store.manifests)).toEqual(manifests.flat().sort())
}

async function locationsIn(store: ChunkStore): Promise<readonly string[]> {
  const locations: string[] = []
  for await (const { location } of store.list()) locations.push(location)
  return locations.sort()
}
