import { describe, expect, it } from 'vitest'
import type { Catalog, Precondition } from '../../../src/catalog/catalog.ts'
import { isRefusal } from '../../../src/model/errors.ts'
import { aChunk, aDigest, aFile, aSpace, anUpload, garbageAmong, named, outcomeOf } from '../fixtures.ts'

const current = aDigest()
const other = aDigest()

// What holds of a file with the digest `current`, and of no file.
const rows: readonly (readonly [
  name: string,
  precondition: Precondition,
  ofFile: boolean,
  ofNone: boolean,
])[] = [
  ['nothing', {}, true, true],
  ['ifMatch *', { ifMatch: '*' }, true, false],
  ['ifMatch current', { ifMatch: [other, current] }, true, false],
  ['ifMatch other', { ifMatch: [other] }, false, false],
  ['ifMatch none', { ifMatch: [] }, false, false],
  ['ifNoneMatch *', { ifNoneMatch: '*' }, false, true],
  ['ifNoneMatch current', { ifNoneMatch: [other, current] }, false, true],
  ['ifNoneMatch other', { ifNoneMatch: [other] }, true, true],
  ['ifNoneMatch none', { ifNoneMatch: [] }, true, true],
  ['ifUnmodifiedSince the year 2100', { ifUnmodifiedSince: Date.UTC(2100) }, true, true],
  ['ifUnmodifiedSince 1970', { ifUnmodifiedSince: 0 }, false, true],
  ['both hold', { ifMatch: [current], ifNoneMatch: [other] }, true, false],
  ['one holds', { ifMatch: '*', ifNoneMatch: [current] }, false, false],
]

export function describePreconditions(opened: () => Catalog): void {
  describe.each(rows)('%s', (_, precondition, ofFile, ofNone) => {
    it.each([
      ['a file', true, ofFile],
      ['no file', false, ofNone],
    ])('decides over creating where there is %s', async (_case, hasFile, holds) => {
      const space = aSpace()
      if (hasFile) await opened().createFile(aFile(space, 'x', { digest: current }))
      const before = await opened().findFile(space, { name: named('x') })
      const chunk = aChunk()
      const given = aFile(space, 'x', { chunks: [chunk], precondition })
      const created = opened().createFile(given)
      expect(await outcomeOf(created)).toBe(holds ? 'done' : 'precondition_failed')
      const isRefused = await created.then(() => false, isRefusal)
      expect(isRefused).toBe(!holds)
      const after = await opened().findFile(space, { name: named('x') })
      expect(after?.id).toBe(holds ? given.id : before?.id)
      expect((await opened().findChunk(chunk.digest)) !== undefined).toBe(holds)
      expect(await garbageAmong(opened(), [chunk.location])).toEqual([])
    })

    const outcome = ofFile ? 'done' : 'precondition_failed'

    it('decides over finishing an upload', async () => {
      const space = aSpace()
      const { file } = await opened().createFile(aFile(space, 'x', { digest: current }))
      const { id } = await opened().createUpload(anUpload(space, 'x'))
      const finished = opened().finishUploads([{ id, digest: aDigest(), precondition }])
      expect(await outcomeOf(finished)).toBe(outcome)
      expect(await opened().findFile(space, { name: named('x') })).toMatchObject({
        id: ofFile ? id : file.id,
      })
      expect((await opened().findUpload(space, id)) === undefined).toBe(ofFile)
    })

    it('decides over changing and deleting', async () => {
      const space = aSpace()
      const { file } = await opened().createFile(aFile(space, 'x', { digest: current }))
      const ref = { id: file.id }
      expect(await outcomeOf(opened().updateFile(space, ref, { name: named('y') }, precondition))).toBe(
        outcome,
      )
      expect(await opened().findFile(space, ref)).toMatchObject({ name: ofFile ? 'y' : 'x' })
      expect(await outcomeOf(opened().deleteFile(space, ref, precondition))).toBe(outcome)
      expect((await opened().findFile(space, ref)) === undefined).toBe(ofFile)
    })
  })
}
