import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createAnew } from '../../../src/catalog/sqlite/create-anew.ts'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { aChunk, aFile, aLocation, anId, anOwner, chunksOf, collectAll, inOrder, named } from '../fixtures.ts'

it.each([
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
])(
  'a file whose name another one has, too, is as its latest record says: records %i, %i, %i',
  async (...order) => {
    const [owner, id, other] = [anOwner(), anId(), anId()]
    const [chunk, ofOther] = [aChunk(), aChunk()]
    const records = order.map((modifiedAt) => {
      const isOther = modifiedAt === 2
      const { chunks: _chunks, ...file } = aFile(owner, 'x', { id: isOther ? other : id })
      const described = { ...file, size: 10, createdAt: 0, modifiedAt }
      return {
        id: file.id,
        start: 0,
        file: described,
        chunks: [isOther ? ofOther : chunk],
        location: aLocation(),
      }
    })
    const path = join(await temporaryDirectory(), 'catalog.sqlite')
    await createAnew(path, async (catalog) => {
      for (const record of records) await catalog.restoreRecord(record)
      expect(await catalog.endRestore()).toEqual({ files: 1, lostChunks: 0 })
    })
    const catalog = await SqliteCatalog.open(path)
    await collectAll(catalog)
    expect(await catalog.findFile(owner, { name: named('x') })).toMatchObject({ id, modifiedAt: 3 })
    expect(await chunksOf(catalog, id)).toEqual(inOrder([chunk]))
    expect(await catalog.findChunk(ofOther.digest)).toBeUndefined()
    expect(await catalog.listRecords(id)).toEqual([records[order.indexOf(3)]!.location])
    expect(await catalog.listEndedRecords(9)).toHaveLength(2)
    await catalog.close()
  },
)
