import { expect, it } from 'vitest'
import type { Catalog, ChunkUse } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  anId,
  chunksOf,
  garbageAmong,
  inAMinute,
  inOrder,
  present,
  startUpload,
} from '../fixtures.ts'

/** Of 18 bytes together. */
function fourChunks() {
  return [3, 4, 5, 6].map((size) => aChunk({ size }))
}

export function describeCompacting(opened: () => Catalog): void {
  it.each([
    ['the first', 0, 3, 0, 1],
    ['those in the middle', 3, 12, 1, 3],
    ['the last', 12, 18, 3, 4],
    ['all', 0, 18, 0, 4],
  ] as const)('replaces %s by others of the same size', async (_, start, end, first, behind) => {
    const old = fourChunks()
    const upload = await startUpload(opened(), old, { size: 30 })
    const fresh = [aChunk({ size: 1 }), aChunk({ size: end - start - 1 })]
    await opened().compactUpload(upload.id, start, end, fresh)
    const now = [...old.slice(0, first), ...fresh, ...old.slice(behind)]
    expect(await chunksOf(opened(), upload.id)).toEqual(inOrder(now))
    expect(await opened().findUpload(upload.space, upload.id)).toStrictEqual(upload)
  })

  it('uses what is present, also the replaced ones themselves, and goes on as before', async () => {
    const old = fourChunks()
    const { id } = await startUpload(opened(), old)
    const swapped = [old[1]!, old[0]!].map(present)
    await opened().compactUpload(id, 0, 7, swapped)
    const joined = aChunk({ size: 11 })
    await opened().compactUpload(id, 7, 18, [joined])
    const last = aChunk()
    expect(await opened().advanceUpload(id, 18, [last], inAMinute())).toBe(28)
    expect(await chunksOf(opened(), id)).toEqual(inOrder([...swapped, joined, last]))
  })

  it('changes nothing where nothing is replaced by nothing', async () => {
    const chunks = fourChunks()
    const { id } = await startUpload(opened(), chunks)
    for (const border of [0, 7, 18]) await opened().compactUpload(id, border, border, [])
    expect(await chunksOf(opened(), id)).toEqual(inOrder(chunks))
  })

  it.each([
    ['offset_conflict', 1, 7, [aChunk({ size: 6 })]],
    ['offset_conflict', 3, 11, [aChunk({ size: 8 })]],
    ['offset_conflict', 12, 19, [aChunk({ size: 7 })]],
    ['offset_conflict', 18, 20, [aChunk({ size: 2 })]],
    ['offset_conflict', -1, 3, [aChunk({ size: 4 })]],
    ['invalid_request', 3, 12, [aChunk({ size: 4 }), aChunk({ size: 4 })]],
    ['invalid_request', 3, 12, [aChunk({ size: 10 })]],
    ['invalid_request', 12, 3, [aChunk({ size: 9 })]],
    ['chunk_gone', 3, 12, [aChunk({ size: 4 }), present(aChunk({ size: 5 }))]],
  ] as [string, number, number, ChunkUse[]][])(
    'refuses with %s to replace %i to %i, and changes nothing',
    async (code, start, end, fresh) => {
      const old = fourChunks()
      const upload = await startUpload(opened(), old)
      await expect(opened().compactUpload(upload.id, start, end, fresh)).rejects.toMatchObject({ code })
      expect(await chunksOf(opened(), upload.id)).toEqual(inOrder(old))
      expect(await opened().findUpload(upload.space, upload.id)).toStrictEqual(upload)
      expect(await opened().findChunk(fresh[0]!.digest)).toBeUndefined()
      expect(await garbageAmong(opened(), [fresh[0]!.location!])).toEqual([])
    },
  )

  it('refuses borders that another compaction has taken away, and what is not there', async () => {
    const { id } = await startUpload(opened(), fourChunks())
    await opened().compactUpload(id, 0, 7, [aChunk({ size: 7 })])
    await expect(opened().compactUpload(id, 3, 12, [aChunk({ size: 9 })])).rejects.toMatchObject({
      code: 'offset_conflict',
    })
    await opened().deleteUpload(id)
    for (const gone of [id, anId()]) {
      await expect(opened().compactUpload(gone, 0, 0, [])).rejects.toMatchObject({ code: 'not_found' })
    }
  })
}
