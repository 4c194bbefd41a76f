import fc from 'fast-check'
import { beforeEach, expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  aDigest,
  aSpace,
  anUpload,
  chunksOf,
  collectAll,
  completePart,
  garbageAmong,
  inAMinute,
  inOrder,
  present,
  startUpload,
} from '../fixtures.ts'
import type { StoredUse } from '../fixtures.ts'
import { steps, UploadHistory } from '../upload-history.ts'

const everything = { unlinkedBefore: Number.MAX_SAFE_INTEGER }

export function describeUploadCollection(opened: () => Catalog): void {
  // What other tests have unlinked must not count in these.
  beforeEach(async () => {
    await collectAll(opened(), { limit: 10_000 })
  })

  const expectGarbage = async (all: readonly StoredUse[], garbage: readonly StoredUse[]) => {
    const found = await garbageAmong(
      opened(),
      all.map(({ location }) => location),
    )
    expect(found.toSorted()).toEqual(garbage.map(({ location }) => location).toSorted())
    const isPresent = await Promise.all(
      all.map(async ({ digest }) => (await opened().findChunk(digest)) !== undefined),
    )
    expect(isPresent).toEqual(all.map((chunk) => !garbage.includes(chunk)))
  }

  it('keeps what was appended, and takes all of it with the upload', async () => {
    const chunks = [aChunk(), aChunk(), aChunk()]
    const { id } = await startUpload(opened(), chunks.slice(0, 1))
    const source = await startUpload(opened(), chunks.slice(1))
    await opened().appendUpload(id, 10, source.id, inAMinute())
    await opened().deleteUpload(source.id)
    await collectAll(opened(), everything)
    await expectGarbage(chunks, [])
    expect(await chunksOf(opened(), id)).toEqual(inOrder(chunks))
    await opened().deleteUpload(id)
    await collectAll(opened(), { unlinkedBefore: 0 })
    await expectGarbage(chunks, chunks)
  })

  it('keeps what was joined when the parts go, and takes it with the file', async () => {
    const space = aSpace()
    const chunks = [aChunk(), aChunk(), aChunk()]
    const first = await completePart(opened(), space, chunks.slice(0, 1))
    const second = await completePart(opened(), space, chunks.slice(1, 2))
    const unused = await completePart(opened(), space, chunks.slice(2))
    const { id } = await opened().concatenateUploads(anUpload(space, 'x'), [first.id, second.id, first.id])
    for (const part of [first, second, unused]) await opened().deleteUpload(part.id)
    await collectAll(opened(), everything)
    await expectGarbage(chunks, chunks.slice(2))
    expect(await chunksOf(opened(), id)).toEqual(inOrder([chunks[0]!, chunks[1]!, chunks[0]!]))
    await opened().finishUploads([{ id, digest: aDigest() }])
    await collectAll(opened(), everything)
    await expectGarbage(chunks, chunks.slice(2))
    await opened().deleteFile(space, { id })
    await collectAll(opened())
    await expectGarbage(chunks, chunks)
  })

  it('keeps the parts when what was joined goes', async () => {
    const space = aSpace()
    const chunk = aChunk()
    const part = await completePart(opened(), space, [chunk])
    const { id } = await opened().concatenateUploads(anUpload(space, 'x'), [part.id, part.id])
    await opened().deleteUpload(id)
    await collectAll(opened(), everything)
    await expectGarbage([chunk], [])
    expect(await chunksOf(opened(), part.id)).toEqual(inOrder([chunk]))
  })

  it('takes at once exactly what a compaction has left without a use', async () => {
    const [kept, replaced, again, shared] = [aChunk(), aChunk(), aChunk(), aChunk()]
    const fresh = aChunk({ size: 20 })
    const all = [kept, replaced, again, shared, fresh]
    const { id } = await startUpload(opened(), [kept, replaced, again, shared])
    const other = await startUpload(opened(), [present(shared)])
    await opened().compactUpload(id, 10, 40, [fresh, present(again)])
    await expectGarbage(all, [])
    await collectAll(opened(), { unlinkedBefore: 0 })
    await expectGarbage(all, [replaced])
    expect(await chunksOf(opened(), id)).toEqual(inOrder([kept, fresh, again]))
    await opened().deleteUpload(other.id)
    await collectAll(opened(), everything)
    await expectGarbage(all, [replaced, shared])
    await opened().deleteUpload(id)
    await collectAll(opened())
    await expectGarbage(all, all)
  })

  it('takes what many compactions have left, a bounded step at a time', async () => {
    const old = Array.from({ length: 9 }, () => aChunk())
    const fresh = old.map(() => aChunk())
    const { id } = await startUpload(opened(), old)
    for (const [index, chunk] of fresh.entries()) {
      await opened().compactUpload(id, index * 10, index * 10 + 10, [chunk])
    }
    expect(await collectAll(opened(), { unlinkedBefore: 0, limit: 3 })).toBe(3)
    await expectGarbage([...old, ...fresh], old)
    await opened().deleteUpload(id)
  })

  it('leaves nothing to collect of a compaction that was refused', async () => {
    const chunks = [aChunk(), aChunk()]
    const { id } = await startUpload(opened(), chunks)
    await expect(opened().compactUpload(id, 0, 20, [aChunk(), present(aChunk())])).rejects.toMatchObject({
      code: 'chunk_gone',
    })
    await collectAll(opened(), everything)
    await expectGarbage(chunks, [])
    expect(await chunksOf(opened(), id)).toEqual(inOrder(chunks))
  })

  it.each([undefined, 2])(
    'keeps the file when the finished upload goes, expired before %s',
    async (expiredBefore) => {
      const chunks = [aChunk(), aChunk()]
      const { id, space } = await startUpload(opened(), chunks, { expiresAt: 1 })
      await opened().finishUploads([{ id, digest: aDigest(), isRemembered: true }])
      await collectAll(opened(), everything)
      await expectGarbage(chunks, [])
      expect(await opened().deleteUpload(id, expiredBefore)).toBe(true)
      await collectAll(opened(), everything)
      await expectGarbage(chunks, [])
      expect(await chunksOf(opened(), id)).toEqual(inOrder(chunks))
      await opened().deleteFile(space, { id })
      await collectAll(opened())
      await expectGarbage(chunks, chunks)
    },
  )

  it('takes the chunks of a deleted file while its upload is remembered, and nothing when that goes', async () => {
    const chunk = aChunk()
    const { id, space } = await startUpload(opened(), [chunk])
    await opened().finishUploads([{ id, digest: aDigest(), isRemembered: true }])
    await opened().deleteFile(space, { id })
    await collectAll(opened())
    await expectGarbage([chunk], [chunk])
    expect(await opened().deleteUpload(id)).toBe(true)
    await collectAll(opened(), everything)
    expect(await opened().findUpload(space, id)).toBeUndefined()
  })

  it('collects exactly what no list has any more, whatever has happened', async () => {
    const whole = fc.asyncProperty(steps, async (taken) => {
      const history = new UploadHistory(opened())
      for (const step of taken) await history.run(step)
      await collectAll(opened(), everything)
      for (const [actual, expected] of await history.compared()) expect(actual).toEqual(expected)
      const used = new Set(history.lists.flatMap(({ chunks }) => chunks))
      await expectGarbage(
        history.stored,
        history.stored.filter((chunk) => !used.has(chunk)),
      )
      await history.end()
      await expectGarbage(history.stored, history.stored)
    })
    // A failure is to be shown with its seed, however far it has been shrunk by then.
    await fc.assert(whole, { numRuns: 30, interruptAfterTimeLimit: 10_000 })
  })
}
