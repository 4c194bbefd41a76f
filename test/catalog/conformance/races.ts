import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import {
  aChunk,
  aDigest,
  aFile,
  anOwner,
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
    const owner = anOwner()
    const precondition = { ifNoneMatch: '*' } as const
    const calls = rivals.map(() =>
      opened().createFile(aFile(owner, 'x', { precondition, chunks: [aChunk()] })),
    )
    expect(await tally(calls)).toEqual({ done: 1, precondition_failed: rivals.length - 1 })
  })

  it('lets exactly one of many replace the file that all of them saw', async () => {
    const owner = anOwner()
    const { file } = await opened().createFile(aFile(owner, 'x'))
    const precondition = { ifMatch: [file.digest] }
    const calls = rivals.map(() => opened().createFile(aFile(owner, 'x', { precondition })))
    expect(await tally(calls)).toEqual({ done: 1, precondition_failed: rivals.length - 1 })
  })

  it('lets exactly one of many advance from the same offset', async () => {
    const { id, owner } = await opened().createUpload(anUpload(anOwner(), 'x'))
    const calls = rivals.map((index) =>
      opened().advanceUpload(id, 0, [aChunk({ size: index + 1 })], inAMinute()),
    )
    expect(await tally(calls)).toEqual({ done: 1, offset_conflict: rivals.length - 1 })
    const chunks = await opened().listChunks(id, 0, 99)
    expect(chunks).toHaveLength(1)
    expect(await opened().findUpload(owner, id)).toMatchObject({ offset: chunks[0]!.size })
  })

  it('lets exactly one of many finish an upload', async () => {
    const { id } = await opened().createUpload(anUpload(anOwner(), 'x'))
    const calls = rivals.map(() => opened().finishUploads([{ id, digest: aDigest() }]))
    expect(await tally(calls)).toEqual({ done: 1, not_found: rivals.length - 1 })
  })

  it('lets either the finish or the delete of an upload win', async () => {
    const { id, owner } = await opened().createUpload(anUpload(anOwner(), 'x'))
    const finished = opened().finishUploads([{ id, digest: aDigest() }])
    const [outcome] = await Promise.all([outcomeOf(finished), opened().deleteUpload(id)])
    const file = await opened().findFile(owner, { id })
    expect(outcome).toBe(file ? 'done' : 'not_found')
    expect(await opened().findUpload(owner, id)).toBeUndefined()
  })

  it('lets exactly one of many take a name', async () => {
    const owner = anOwner()
    const committed = await createFiles(opened(), owner, rivals.map(String))
    const calls = committed.map(({ file }) =>
      opened().updateFile(owner, { id: file.id }, { name: named('x') }),
    )
    expect(await tally(calls)).toEqual({ done: 1, name_taken: rivals.length - 1 })
  })

  it('lets exactly one of many delete a file', async () => {
    const { file } = await opened().createFile(aFile(anOwner(), 'x'))
    const calls = rivals.map(() => opened().deleteFile(file.owner, { id: file.id }))
    expect(await tally(calls)).toEqual({ done: 1, not_found: rivals.length - 1 })
  })

  it('lets the last of many that put to one name win, each replacing the one before', async () => {
    const owner = anOwner()
    const committed = await createFiles(
      opened(),
      owner,
      rivals.map(() => 'x'),
    )
    expect(committed.filter(({ hasReplaced }) => !hasReplaced)).toHaveLength(1)
    const { files } = await opened().listFiles({ owner, prefix: '', limit: 99 })
    expect(files).toHaveLength(1)
    expect(committed.map(({ file }) => file)).toContainEqual(files[0])
  })

  it('shows a change to whoever looks after it has resolved', async () => {
    const owner = anOwner()
    await Promise.all(
      rivals.map(async (index) => {
        const { file } = await opened().createFile(aFile(owner, `x${index}`))
        expect(await opened().findFile(owner, { name: file.name })).toStrictEqual(file)
        await opened().deleteFile(owner, { id: file.id })
        expect(await opened().findFile(owner, { name: file.name })).toBeUndefined()
      }),
    )
  })
}
