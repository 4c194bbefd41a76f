import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { aChunk, aFile, anId, aSpace, garbageAmong, named, present } from '../fixtures.ts'

export function describeFiles(opened: () => Catalog): void {
  it('gives a created file back by name and by id, as it was given', async () => {
    const space = aSpace()
    const metadata = { author: 'Ada', 'key with ✓': '', ['__proto__']: 'kept', half: '\ud83d' }
    const chunks = [aChunk({ size: 7 }), aChunk({ size: 5 })]
    const given = aFile(space, 'a/ß.txt', { metadata, chunks, mediaType: 'text/x-odd; a="b"' })
    const before = Date.now()
    const { file, hasReplaced } = await opened().createFile(given)
    expect(hasReplaced).toBe(false)
    const { chunks: _chunks, ...kept } = given
    const { createdAt } = file
    expect(file).toStrictEqual({ ...kept, size: 12, createdAt, modifiedAt: createdAt })
    expect(file.createdAt).toBeGreaterThanOrEqual(before)
    expect(file.createdAt).toBeLessThanOrEqual(Date.now())
    expect(Object.keys(file.metadata)).toContain('__proto__')
    expect(await opened().findFile(space, { name: given.name })).toStrictEqual(file)
    expect(await opened().findFile(space, { id: given.id })).toStrictEqual(file)
  })

  it('keeps an empty file', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(aFile(space, 'empty'))
    expect(file.size).toBe(0)
    expect(await opened().findFile(space, { id: file.id })).toStrictEqual(file)
    expect(await opened().listChunks(file.id, 0, 10)).toEqual([])
  })

  it('keeps sizes up to the largest safe integer', async () => {
    const space = aSpace()
    const chunks = [aChunk({ size: 2 ** 52 }), aChunk({ size: 2 ** 52 - 2 }), aChunk({ size: 1 })]
    const { file } = await opened().createFile(aFile(space, 'huge', { chunks }))
    expect(await opened().findFile(space, { id: file.id })).toMatchObject({ size: Number.MAX_SAFE_INTEGER })
    const last = await opened().listChunks(file.id, Number.MAX_SAFE_INTEGER - 1, 10)
    expect(last).toMatchObject([{ start: Number.MAX_SAFE_INTEGER - 1, size: 1 }])
  })

  it('misses what is not there and what belongs to somebody else', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(aFile(space, 'mine'))
    expect(await opened().findFile(space, { name: named('Mine') })).toBeUndefined()
    expect(await opened().findFile(space, { id: anId() })).toBeUndefined()
    expect(await opened().findFile(aSpace(), { name: file.name })).toBeUndefined()
    expect(await opened().findFile(aSpace(), { id: file.id })).toBeUndefined()
  })

  it('replaces the file behind a name and keeps nothing of it', async () => {
    const space = aSpace()
    const { file: old } = await opened().createFile(
      aFile(space, 'x', { metadata: { a: '1' }, chunks: [aChunk()] }),
    )
    const { file, hasReplaced } = await opened().createFile(aFile(space, 'x', { mediaType: 'image/png' }))
    expect(hasReplaced).toBe(true)
    expect(file).toMatchObject({ metadata: {}, size: 0, mediaType: 'image/png' })
    expect(await opened().findFile(space, { name: named('x') })).toStrictEqual(file)
    expect(await opened().findFile(space, { id: old.id })).toBeUndefined()
    expect(await opened().listFiles({ space, prefix: '', limit: 9 })).toEqual({ files: [file], prefixes: [] })
  })

  it('gives each space names of their own', async () => {
    const [ada, bob] = [aSpace(), aSpace()]
    const { file: hers } = await opened().createFile(aFile(ada, 'same'))
    const { file: his, hasReplaced } = await opened().createFile(aFile(bob, 'same'))
    expect(hasReplaced).toBe(false)
    await opened().deleteFile(ada, { name: named('same') })
    expect(await opened().findFile(bob, { name: named('same') })).toStrictEqual(his)
    expect(await opened().findFile(ada, { id: hers.id })).toBeUndefined()
  })

  it('leaves everything as it was when a chunk believed present is gone', async () => {
    const space = aSpace()
    const { file: old } = await opened().createFile(aFile(space, 'x'))
    const [stored, gone] = [aChunk(), aChunk()]
    const refused = opened().createFile(aFile(space, 'x', { chunks: [stored, present(gone)] }))
    await expect(refused).rejects.toMatchObject({ name: 'StoreError', code: 'chunk_gone' })
    expect(await opened().findFile(space, { name: named('x') })).toStrictEqual(old)
    expect(await opened().findChunk(stored.digest)).toBeUndefined()
    expect(await garbageAmong(opened(), [stored.location])).toEqual([])
  })

  it('renames a file and keeps the rest', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(
      aFile(space, 'old', { metadata: { a: '1' }, chunks: [aChunk()] }),
    )
    const changed = await opened().updateFile(space, { name: named('old') }, { name: named('new') })
    expect(changed).toStrictEqual({ ...file, name: 'new', modifiedAt: changed.modifiedAt })
    expect(changed.modifiedAt).toBeGreaterThanOrEqual(file.modifiedAt)
    expect(await opened().findFile(space, { name: named('new') })).toStrictEqual(changed)
    expect(await opened().findFile(space, { name: named('old') })).toBeUndefined()
    expect(await opened().listChunks(file.id, 0, 9)).toHaveLength(1)
    expect(await opened().createFile(aFile(space, 'old'))).toMatchObject({ hasReplaced: false })
  })

  it('changes media type and metadata, by id, and replaces all metadata', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(aFile(space, 'x', { metadata: { a: '1', b: '2' } }))
    const changes = { mediaType: 'text/html', metadata: { b: '3' } }
    const changed = await opened().updateFile(space, { id: file.id }, changes)
    expect(changed).toStrictEqual({ ...file, ...changes, modifiedAt: changed.modifiedAt })
    expect(await opened().findFile(space, { id: file.id })).toStrictEqual(changed)
  })

  it('renames a file to its own name', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(aFile(space, 'x'))
    expect(await opened().updateFile(space, { id: file.id }, { name: named('x') })).toMatchObject({
      id: file.id,
    })
  })

  it('refuses to rename to the name of another file, and changes nothing', async () => {
    const space = aSpace()
    const { file } = await opened().createFile(aFile(space, 'x'))
    const { file: other } = await opened().createFile(aFile(space, 'y'))
    const refused = opened().updateFile(space, { id: file.id }, { name: named('y'), mediaType: 'a/b' })
    await expect(refused).rejects.toMatchObject({ code: 'name_taken' })
    expect(await opened().findFile(space, { name: named('x') })).toStrictEqual(file)
    expect(await opened().findFile(space, { name: named('y') })).toStrictEqual(other)
  })

  it('refuses to change or delete what is not there or belongs to somebody else', async () => {
    const { file } = await opened().createFile(aFile(aSpace(), 'x'))
    for (const ref of [{ id: file.id }, { name: file.name }, { id: anId() }]) {
      const notFound = { code: 'not_found' }
      await expect(opened().updateFile(aSpace(), ref, {})).rejects.toMatchObject(notFound)
      await expect(opened().deleteFile(aSpace(), ref)).rejects.toMatchObject(notFound)
    }
    expect(await opened().findFile(file.space, { id: file.id })).toStrictEqual(file)
  })

  it.each(['name', 'id'] as const)(
    'deletes a file by its %s, once, and keeps its chunks for now',
    async (by) => {
      const space = aSpace()
      const chunk = aChunk()
      const { file } = await opened().createFile(aFile(space, 'x', { chunks: [chunk] }))
      const ref = by === 'id' ? { id: file.id } : { name: file.name }
      await opened().deleteFile(space, ref)
      expect(await opened().findFile(space, { id: file.id })).toBeUndefined()
      expect(await opened().findFile(space, { name: file.name })).toBeUndefined()
      expect(await opened().listFiles({ space, prefix: '', limit: 9 })).toEqual({ files: [], prefixes: [] })
      expect(await opened().listChunks(file.id, 0, 9)).toMatchObject([{ digest: chunk.digest }])
      await expect(opened().deleteFile(space, ref)).rejects.toMatchObject({ code: 'not_found' })
    },
  )
}
