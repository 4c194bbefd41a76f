import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAnew } from '../../../src/catalog/sqlite/create-anew.ts'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import { findOrphans } from '../../../src/files/upkeep/find-orphans.ts'
import { putManifest, forgetPuts } from '../../../src/files/manifests/keep-manifests.ts'
import { packed } from '../../../src/model/chunk.ts'
import { digestOfChunk } from '../../../src/model/hashers.ts'
import { StoreError } from '../../../src/model/errors.ts'
import { overwriteStored, storedFiles } from '../../chunks/stored-files.ts'
import { filePart, form, post } from '../../http/form.ts'
import { given, infoIn, KiB, sample } from '../../http/sample.ts'
import { givenPart, givenUpload, metadata, tus } from '../../fronts/tus/tus-client.ts'
import { request } from '../../support/http-request.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { allFiles, rebuilt, manifestsOf } from '../rebuilt.ts'

function manifestCount(server: TestServer): number {
  return storedFiles(manifestsOf(server)).size
}

/**
 * Replaces x and adds y by one form, as if the server were killed meanwhile: puts of manifests fail
 * from the given one on, and deletes after so many.
 */
async function killedForm(call: number, deletes = 0) {
  const server = await startTestServer({ hasManifestsOnDisk: true, onBackgroundError: () => {} })
  await given(server, 'x', sample(100))
  const { manifests } = server.store
  const real = { ...manifests }
  let puts = 0
  manifests.put = (...args) => {
    puts += 1
    return puts >= call ? Promise.reject(new StoreError('unavailable', 'killed')) : real.put(...args)
  }
  let deleted = 0
  manifests.delete = (...args) => {
    deleted += 1
    return deleted > deletes ? Promise.reject(new StoreError('unavailable', 'killed')) : real.delete(...args)
  }
  const posted = await post(server, form([filePart('x', sample(200)), filePart('y', sample(300))]))
  Object.assign(manifests, real)
  return { server, status: posted.status }
}

async function sizes(catalog: TestServer['store']['catalog']) {
  return (await allFiles(catalog)).map(({ name, size }) => [name, size])
}

describe('a catalog that is lost', () => {
  it('is rebuilt with every file, however it came, as it was', async () => {
    const server = await startTestServer({ chunkSize: 64 * KiB, hasManifestsOnDisk: true })
    const bytes = sample(700 * KiB)
    await given(server, 'plain', bytes)
    await given(server, 'same-content', bytes)
    await given(server, 'empty', Buffer.alloc(0))
    await given(server, 'large', sample(64 * KiB * 70))
    await given(server, 'replaced', sample(100))
    await given(server, 'replaced', sample(200))
    await given(server, 'deleted', sample(100))
    await request(server, 'DELETE', '/files/deleted')
    await given(server, 'old-name', sample(100))
    const changes = JSON.stringify({ name: 'new-name', mediaType: 'a/b', metadata: { place: 'Carrara' } })
    const renamed = await request(server, 'PATCH', '/api/files/old-name', {
      body: changes,
      headers: { 'Content-Type': 'application/json' },
    })
    expect(renamed.status).toBe(200)
    await given(server, 'old-name', sample(50))
    await post(server, form([filePart('one', sample(10)), filePart('two', sample(64 * KiB * 66))]))
    await givenUpload(
      server,
      { 'Upload-Length': 300 * KiB, 'Upload-Metadata': metadata({ filename: 'by tus', a: 'b' }) },
      sample(300 * KiB),
    )
    const parts = [await givenPart(server, sample(100 * KiB)), await givenPart(server, sample(90 * KiB))]
    const joined = {
      'Upload-Concat': `final;${parts.join(' ')}`,
      'Upload-Metadata': metadata({ filename: 'joined' }),
    }
    expect((await tus(server, 'POST', '/uploads', joined)).status).toBe(201)

    const before = await allFiles(server.store.catalog)
    expect(before).toHaveLength(11)
    const { catalog, outcome } = await rebuilt(server)
    expect(outcome).toMatchObject({ damagedManifests: [], lostChunks: 0 })
    expect(await allFiles(catalog)).toEqual(before)
    expect(manifestCount(server)).toBe(before.flatMap(({ manifests }) => manifests).length)
  })

  it('has the latest of two manifests that a crash left for one file, or one name', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    const { store } = server
    await given(server, 'x', sample(100))
    const first = (await allFiles(store.catalog))[0]!
    await given(server, 'y', sample(100))
    const { chunks, manifests: _records, ...file } = first
    // Renamed, and killed before the old manifest was deleted.
    await putManifest(store, { ...file, name: 'z' as typeof file.name, modifiedAt: file.modifiedAt + 5 }, [
      packed(chunks),
    ])
    // Replaced, and killed before that was committed.
    const y = (await allFiles(store.catalog)).find(({ name }) => name === 'y')!
    const later = {
      ...file,
      name: y.name,
      id: randomUUIDv7() as typeof y.id,
      modifiedAt: y.modifiedAt + 5,
    }
    await putManifest(store, later, [packed(chunks)])
    const { catalog } = await rebuilt(server)
    const names = (await allFiles(catalog)).map(({ name, id }) => [name, id])
    expect(names).toEqual([
      ['y', later.id],
      ['z', file.id],
    ])
    expect(await catalog.listUnlinkedManifests(10)).toHaveLength(2)
  })

  it.each([
    { killed: 'between the manifests of a form', call: 2 },
    { killed: 'before the first file of a form is confirmed', call: 3 },
  ])('has no file of a form when the server was killed $killed', async ({ call }) => {
    const { server, status } = await killedForm(call)
    expect(status).toBe(503)
    const { catalog, outcome } = await rebuilt(server)
    expect(outcome.damagedManifests).toEqual([])
    expect(await sizes(catalog)).toEqual([['x', 100]])
  })

  it('has every file of a form when the server was killed after one of them was confirmed', async () => {
    const { server, status } = await killedForm(4)
    expect(status).toBe(503)
    const { catalog } = await rebuilt(server)
    expect(await sizes(catalog)).toEqual([
      ['x', 200],
      ['y', 300],
    ])
  })

  it.each([1, 2])('has no file of a form that was being discarded after %i deletes', async (deletes) => {
    const { server, status } = await killedForm(4, deletes)
    expect(status).toBe(503)
    const { catalog } = await rebuilt(server)
    expect(await sizes(catalog)).toEqual([['x', 100]])
  })

  it('waits for no manifest of a form that could not be discarded', async () => {
    const { server } = await killedForm(4)
    expect(server.store.uncommitted.size).toBe(0)
  })

  it('has what became of each file of a form after it was stored', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    const names = ['deleted', 'kept', 'renamed', 'replaced']
    await post(server, form(names.map((name) => filePart(name, sample(100)))))
    await request(server, 'DELETE', '/files/deleted')
    await given(server, 'replaced', sample(200))
    await request(server, 'PATCH', '/api/files/renamed', {
      body: JSON.stringify({ name: 'other' }),
      headers: { 'Content-Type': 'application/json' },
    })
    const { catalog } = await rebuilt(server)
    expect(await allFiles(catalog)).toEqual(await allFiles(server.store.catalog))
    expect(await sizes(catalog)).toEqual([
      ['kept', 100],
      ['other', 100],
      ['replaced', 200],
    ])
    expect(await catalog.listUnlinkedManifests(10)).toEqual([])
  })

  it('gives no name to a manifest that a power cut left without its chunks', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    const { store } = server
    const kept = await given(server, 'kept', sample(100))
    const { chunks, manifests: _records, ...file } = (await allFiles(store.catalog))[0]!
    // Some are found before the manifest of the file that is there, and some after it.
    for (let nth = 0; nth < 10; nth++) {
      const id = randomUUIDv7() as typeof file.id
      const never = { digest: digestOfChunk(randomBytes(32)), size: 100, blockDigests: randomBytes(32) }
      await putManifest(store, { ...file, id, modifiedAt: file.modifiedAt + nth }, [
        packed([...chunks, never]),
      ])
    }
    const { catalog } = await rebuilt(server)
    expect((await allFiles(catalog)).map(({ id }) => id)).toEqual([kept.id])
    expect(await catalog.listUnlinkedManifests(100)).toHaveLength(10)
  })

  it('has a file whose manifest has several pages, and none of which the first page is missing', async () => {
    const server = await startTestServer({ chunkSize: 64 * KiB, hasManifestsOnDisk: true })
    const { store } = server
    await given(server, 'x', sample(200 * KiB))
    const {
      chunks,
      manifests: _records,
      digest: _digest,
      size: _size,
      ...file
    } = (await allFiles(store.catalog))[0]!
    const pages = [chunks.slice(0, 1), chunks.slice(1, 3), chunks.slice(3)].map(packed)
    const named = (name: string) => ({
      ...file,
      name: name as typeof file.name,
      id: randomUUIDv7() as typeof file.id,
    })
    const long = await putManifest(store, named('long'), pages)
    const headless = await putManifest(store, named('headless'), pages)
    await store.manifests.delete(headless.manifest.locations[0]!)
    const { catalog, outcome } = await rebuilt(server)
    expect(outcome).toMatchObject({ files: 2, manifests: 6, lostChunks: 0 })
    const found = (await allFiles(catalog)).find(({ name }) => name === 'long')
    expect(found).toEqual({ ...long.file, chunks, manifests: long.manifest.locations })
    expect(await catalog.listUnlinkedManifests(10)).toHaveLength(2)
    expect(await catalog.listChunks(headless.file.id, 0, 10)).toHaveLength(3)
    await catalog.collectChunks({ unlinkedBefore: 1, inUse: [], limit: 100 })
    expect(await catalog.listChunks(headless.file.id, 0, 10)).toEqual([])
  })

  it('says what is lost, and has all the rest', async () => {
    const server = await startTestServer({ chunkSize: 64 * KiB, hasManifestsOnDisk: true })
    const kept = await given(server, 'kept', sample(100 * KiB))
    const hurt = await given(server, 'hurt', sample(100 * KiB))
    const gone = await given(server, 'gone', sample(100))
    const [chunk] = await server.store.catalog.listChunks(hurt.id, 0, 1)
    await server.store.chunks.delete(chunk!.location)
    const [manifest] = await server.store.catalog.listManifestPages(gone.id)
    await overwriteStored(manifestsOf(server), manifest!, 0, Buffer.from('x'.repeat(300)))
    const { catalog, outcome } = await rebuilt(server)
    expect(outcome).toMatchObject({ damagedManifests: [manifest], lostChunks: 1 })
    expect((await allFiles(catalog)).map(({ id }) => id).toSorted()).toEqual([kept.id, hurt.id].toSorted())
    // The same content again mends it, without a location being looked for that never was one.
    const use = (await catalog.findChunk(chunk!.digest))!
    expect(use.location).toBe('lost')
  })

  it('takes the sound one of several copies', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    const bytes = sample(100)
    const { id } = await given(server, 'x', bytes)
    const [chunk] = await server.store.catalog.listChunks(id, 0, 1)
    const copies = await Promise.all(
      [0, 1, 2].map(() => server.store.chunks.put(chunk!.digest, [sample(100)])),
    )
    await overwriteStored(server.chunkDirectory, chunk!.location, 0, sample(100))
    const sound = await server.store.chunks.put(chunk!.digest, [bytes])
    copies.push(await server.store.chunks.put(chunk!.digest, [bytes.subarray(0, 50)]))
    const { catalog } = await rebuilt(server)
    expect((await catalog.findChunk(chunk!.digest))?.location).toBe(sound)
    expect(copies).not.toContain(sound)
  })

  it('is not rebuilt over one that is there', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    await given(server, 'x')
    const { catalog, path } = await rebuilt(server)
    await catalog.close()
    await expect(createAnew(path, async () => {})).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('leaves nothing where filling it fails, and is rebuilt by the next attempt', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    await given(server, 'x')
    const path = join(dirname(server.chunkDirectory), 'rebuilt.sqlite')
    const failure = new Error('power cut')
    await expect(createAnew(path, () => Promise.reject(failure))).rejects.toBe(failure)
    await expect(readdir(dirname(path))).resolves.not.toContain('rebuilt.sqlite')
    const { catalog } = await rebuilt(server)
    expect(await allFiles(catalog)).toHaveLength(1)
  })
})

describe('a manifest', () => {
  it('that a kill left without a file is found and deleted, and no other', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    const { store } = server
    await given(server, 'x')
    const { chunks, manifests, ...file } = (await allFiles(store.catalog))[0]!
    const uncommitted = await putManifest(store, { ...file, name: 'y' as typeof file.name }, [packed(chunks)])
    await findOrphans(store)
    await collectGarbage(store)
    expect(manifestCount(server)).toBe(2)
    forgetPuts(store, uncommitted.manifest.locations)
    await findOrphans(store)
    await collectGarbage(store)
    expect(manifestCount(server)).toBe(1)
    expect(await store.catalog.listManifestPages(file.id)).toEqual(manifests)
  })

  it('goes when its file is refused at the last moment', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    const [first, second] = await Promise.all(
      [sample(100), sample(100)].map((body) =>
        request(server, 'PUT', '/files/x', { body, headers: { 'If-None-Match': '*' } }),
      ),
    )
    expect([first!.status, second!.status].toSorted((a, b) => a - b)).toEqual([201, 412])
    expect(manifestCount(server)).toBe(1)
  })

  it('is as the file is, of many changes at once', async () => {
    const server = await startTestServer({ hasManifestsOnDisk: true })
    await given(server, 'x')
    const change = (n: number) =>
      request(server, 'PATCH', '/api/files/x', {
        body: JSON.stringify({ metadata: { n: String(n) } }),
        headers: { 'Content-Type': 'application/json' },
      })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => change(n)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(answers.map(infoIn).every(({ name }) => name === 'x')).toBe(true)
    expect(manifestCount(server)).toBe(1)
    const { catalog } = await rebuilt(server)
    expect(await allFiles(catalog)).toEqual(await allFiles(server.store.catalog))
  })
})
