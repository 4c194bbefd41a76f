import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  aDigest,
  aFile,
  aSpace,
  anUpload,
  createFiles,
  inAMinute,
  named,
  outcomeOf,
  tally,
} from '../fixtures.ts'

const rivals = Array.from({ length: 12 }, (_, index) => index)

export function describeRaces(opened: () => Catalog): void {
  it('lets exactly one of many create a file that must be new', async () => {
    const space = aSpace()
    const precondition = { ifNoneMatch: '*' } as const
    const calls = rivals.map(() =>
      opened().createFile(aFile(space, 'x', { precondition, chunks: [aChunk()] })),
    )
    expect(await tally(calls)).toEqual({ done: 1, precondition_failed: rivals.length - 1 })
  })

  it('lets exactly one of many replace the file that all of them saw', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(aFile(space, 'x'))
    const precondition = { ifMatch: [file.digest] }
    const calls = rivals.map(() => opened().createFile(aFile(space, 'x', { precondition })))
    expect(await tally(calls)).toEqual({ done: 1, precondition_failed: rivals.length - 1 })
  })

  it('lets exactly one of many advance from the same offset', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x'))
    const calls = rivals.map((index) =>
      opened().advanceUpload(id, 0, [aChunk({ size: index + 1 })], inAMinute()),
    )
    expect(await tally(calls)).toEqual({ done: 1, offset_conflict: rivals.length - 1 })
    const chunks = await opened().listChunks(id, 0, 99)
    expect(chunks).toHaveLength(1)
    expect(await opened().findUpload(space, id)).toMatchObject({ offset: chunks[0]!.size })
  })

  it('lets exactly one of many finish an upload', async () => {
    const { id } = await opened().createUpload(anUpload(aSpace(), 'x'))
    const calls = rivals.map(() => opened().finishUploads([{ id, digest: aDigest() }]))
    expect(await tally(calls)).toEqual({ done: 1, not_found: rivals.length - 1 })
  })

  it('lets either the finish or the delete of an upload win', async () => {
    const { id, space } = await opened().createUpload(anUpload(aSpace(), 'x'))
    const finished = opened().finishUploads([{ id, digest: aDigest() }])
    const [outcome] = await Promise.all([outcomeOf(finished), opened().deleteUpload(id)])
    const file = await opened().findFile(space, { id })
    expect(outcome).toBe(file ? 'done' : 'not_found')
    expect(await opened().findUpload(space, id)).toBeUndefined()
  })

  it('lets exactly one of many take a name', async () => {
    const space = aSpace()
    const committed = await createFiles(opened(), space, rivals.map(String))
    const calls = committed.map(({ file }) =>
      opened().updateFile(space, { id: file.id }, { name: named('x') }),
    )
    expect(await tally(calls)).toEqual({ done: 1, name_taken: rivals.length - 1 })
  })

  it('lets exactly one of many delete a file', async () => {
    const { file } = await opened().createFile(aFile(aSpace(), 'x'))
    const calls = rivals.map(() => opened().deleteFile(file.space, { id: file.id }))
    expect(await tally(calls)).toEqual({ done: 1, not_found: rivals.length - 1 })
  })

  it('lets the last of many that put to one name win, each replacing the one before', async () => {
    const space = aSpace()
    const committed = await createFiles(
      opened(),
      space,
      rivals.map(() => 'x'),
    )
    expect(committed.filter(({ hasReplaced }) => !hasReplaced)).toHaveLength(1)
    const { files } = await opened().listFiles({ space, prefix: '', limit: 99 })
    expect(files).toHaveLength(1)
    expect(committed.map(({ file }) => file)).toContainEqual(files[0])
  })

  it('shows a change to every read after it has resolved', async () => {
    const space = aSpace()
    await Promise.all(
      rivals.map(async (index) => {
        const { file } = await opened().createFile(aFile(space, `x${index}`))
        expect(await opened().findFile(space, { name: file.name })).toStrictEqual(file)
        await opened().deleteFile(space, { id: file.id })
        expect(await opened().findFile(space, { name: file.name })).toBeUndefined()
      }),
    )
  })
}
