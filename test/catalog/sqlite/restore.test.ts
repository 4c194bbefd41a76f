import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createAnew } from '../../../src/catalog/sqlite/create-anew.ts'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { aChunk, aFile, aLocation, anId, aSpace, chunksOf, collectAll, inOrder, named } from '../fixtures.ts'

const orders = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
]

/** Three manifests of one name: the second in time is another file's. */
function history(order: readonly number[]) {
  const [space, id, other] = [aSpace(), anId(), anId()]
  const [chunk, ofOther] = [aChunk(), aChunk()]
  const manifests = order.map((modifiedAt) => {
    const isOther = modifiedAt === 2
    const { chunks: _chunks, ...file } = aFile(space, 'x', { id: isOther ? other : id })
    const described = { ...file, size: 10, createdAt: 0, modifiedAt }
    const chunks = [isOther ? ofOther : chunk]
    return { id: file.id, start: 0, file: described, chunks, location: aLocation() }
  })
  return { order, space, id, chunk, ofOther, manifests, latest: manifests[order.indexOf(3)]! }
}

it('a file whose name another one has, too, is as its latest manifest says, in whatever order manifests come', async () => {
  const histories = orders.map(history)
  const path = join(await temporaryDirectory(), 'catalog.sqlite')
  await createAnew(path, async (catalog) => {
    for (const { manifests } of histories)
      for (const manifest of manifests) await catalog.restoreManifest(manifest)
    expect(await catalog.endRestore()).toEqual({ files: orders.length, lostChunks: 0 })
  })
  const catalog = await SqliteCatalog.open(path)
  await collectAll(catalog)
  const expected = histories.map(({ order, id, chunk, latest }) => ({
    order,
    file: expect.objectContaining({ id, modifiedAt: 3 }),
    chunks: inOrder([chunk]),
    ofOther: undefined,
    manifests: [latest.location],
  }))
  const found = histories.map(async ({ order, space, id, ofOther }) => ({
    order,
    file: await catalog.findFile(space, { name: named('x') }),
    chunks: await chunksOf(catalog, id),
    ofOther: await catalog.findChunk(ofOther.digest),
    manifests: await catalog.listManifestPages(id),
  }))
  expect(await Promise.all(found)).toEqual(expected)
  expect(await catalog.listUnlinkedManifests(99)).toHaveLength(2 * orders.length)
  await catalog.close()
})
