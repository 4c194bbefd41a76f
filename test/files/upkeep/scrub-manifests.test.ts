import { rm, writeFile, stat } from 'node:fs/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { withMethods } from '../../../src/catalog/with-methods.ts'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import type { FileStore } from '../../../src/files/state/file-store.ts'
import {
  manifestBatch,
  ManifestScrub,
  type MendedManifest,
} from '../../../src/files/upkeep/scrub-manifests.ts'
import { Throttle, type Clock } from '../../../src/files/upkeep/throttle.ts'
import { StoreError } from '../../../src/model/errors.ts'
import { overwriteStored, storedFiles } from '../../chunks/stored-files.ts'
import { filePart, form, post } from '../../http/form.ts'
import { given, KiB, sample } from '../../http/sample.ts'
import { request } from '../../support/http-request.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { allFiles, rebuilt, manifestsOf } from '../rebuilt.ts'

const day = 86_400_000
const scrubIntervalMs = 7 * day

let server: TestServer
beforeEach(async () => {
  server = await startTestServer({ chunkSize: 64, hasManifestsOnDisk: true })
})

/** Time passes only where somebody waits, and then at once. */
function calendar() {
  const clock = {
    time: Date.now(),
    now: () => clock.time,
    wait: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted()
      clock.time += ms
    },
  }
  return clock satisfies Clock
}

function scrubOf(store: FileStore, clock = calendar(), scrubRate = Infinity) {
  const mended: MendedManifest[] = []
  const report = { mended: (manifest: MendedManifest) => void mended.push(manifest) }
  const scrub = new ManifestScrub(store, { scrubIntervalMs }, report, clock, new Throttle(scrubRate, clock))
  return { mended, clock, run: () => scrub.run(new AbortController().signal) }
}

/** Files of every kind: small, empty, with a manifest of two pages, of a form, renamed. */
async function givenFiles(): Promise<void> {
  await given(server, 'small', sample(100))
  await given(server, 'empty', Buffer.alloc(0))
  await given(server, 'long', sample(64 * 1030))
  await post(server, form([filePart('one', sample(10)), filePart('two', sample(300))]))
  await given(server, 'before', sample(30))
  await rename('before', 'after')
}

async function rename(from: string, to: string): Promise<void> {
  const { status } = await request(server, 'PATCH', `/api/files/${from}`, {
    body: JSON.stringify({ name: to, metadata: { place: 'Carrara' } }),
    headers: { 'Content-Type': 'application/json' },
  })
  expect(status).toBe(200)
}

const names = ['after', 'empty', 'long', 'one', 'small', 'two']

function manifestFiles(): readonly string[] {
  return [...new Set(Array.from(storedFiles(manifestsOf(server)).values(), ({ path }) => path))]
}

const damages = {
  async 'overwritten with zeros'() {
    for (const path of manifestFiles()) await writeFile(path, Buffer.alloc((await stat(path)).size))
  },
  async missing() {
    for (const path of manifestFiles()) await rm(path)
  },
}

/** What a rebuild brings back, but for where the manifests are. */
async function contents(catalog: FileStore['catalog']) {
  return (await allFiles(catalog)).map(({ manifests: _records, ...file }) => file)
}

describe('the scrub of manifests', () => {
  it('leaves all alone that says what the catalog says', async () => {
    await givenFiles()
    const before = await allFiles(server.store.catalog)
    const { run, mended } = scrubOf(server.store)
    await run()
    expect(mended).toEqual([])
    expect(await allFiles(server.store.catalog)).toEqual(before)
  })

  it.each([
    ['overwritten with zeros', 'damaged'],
    ['missing', 'missing'],
  ] as const)(
    'writes manifests anew that are %s, and a rebuild has every file',
    async (damage, condition) => {
      await givenFiles()
      const before = await contents(server.store.catalog)
      await damages[damage]()
      const { run, mended } = scrubOf(server.store)
      await run()
      expect(mended.map(({ name }) => name).toSorted()).toEqual(names)
      expect(new Set(mended.map((each) => each.condition))).toEqual(new Set([condition]))
      expect(await contents(server.store.catalog)).toEqual(before)
      await collectGarbage(server.store)

      const again = scrubOf(server.store)
      await again.run()
      expect(again.mended).toEqual([])
      const { catalog } = await rebuilt(server)
      expect(await allFiles(catalog)).toEqual(await allFiles(server.store.catalog))
    },
  )

  it('rewrites a manifest whose second page is damaged, and deletes the old pages', async () => {
    await givenFiles()
    const long = (await allFiles(server.store.catalog)).find(({ name }) => name === 'long')!
    expect(long.manifests).toHaveLength(2)
    await overwriteStored(manifestsOf(server), long.manifests[1]!, 200, Buffer.from('!'))
    const { run, mended } = scrubOf(server.store)
    await run()
    expect(mended).toEqual([{ id: long.id, name: 'long', condition: 'damaged' }])
    const stored = storedFiles(manifestsOf(server))
    for (const location of long.manifests) expect(stored.has(location)).toBe(false)
    for (const location of await server.store.catalog.listManifestPages(long.id))
      expect(stored.has(location)).toBe(true)
  })

  it('makes the files of a form independent of confirmations that are gone', async () => {
    await givenFiles()
    const ofForm = (await allFiles(server.store.catalog)).filter(({ name }) => ['one', 'two'].includes(name))
    for (const { manifests } of ofForm) await server.store.manifests.delete(manifests.at(-1)!)
    const { run, mended } = scrubOf(server.store)
    await run()
    expect(mended.map(({ name }) => name).toSorted()).toEqual(['one', 'two'])
    const { catalog } = await rebuilt(server)
    expect(await contents(catalog)).toEqual(await contents(server.store.catalog))
  })

  it.each([
    ['renamed', () => rename('small', 'newer')],
    ['replaced', () => given(server, 'small', sample(200)).then(() => {})],
    ['deleted', () => request(server, 'DELETE', '/files/small').then(() => {})],
  ] as const)('gives way where a file is %s meanwhile', async (_, change) => {
    await given(server, 'small', sample(100))
    await damages.missing()
    const { catalog } = server.store
    const racing = withMethods(catalog, {
      replaceManifests: async (...args) => {
        await change()
        return catalog.replaceManifests(...args)
      },
    })
    const { run, mended } = scrubOf({ ...server.store, catalog: racing })
    await run()
    expect(mended).toEqual([])
    const anew = await rebuilt(server)
    expect(await allFiles(anew.catalog)).toEqual(await allFiles(catalog))
    expect(storedFiles(manifestsOf(server)).size).toBe((await allFiles(catalog)).length)
  })

  it('takes nothing for damage that was replaced between the look at the catalog and the read', async () => {
    await given(server, 'small', sample(100))
    const { catalog } = server.store
    const racing = withMethods(catalog, {
      listFileManifests: async (...args) => {
        const listed = await catalog.listFileManifests(...args)
        if (listed.length > 0) await rename(listed[0]!.name, `${listed[0]!.name}-again`)
        return listed
      },
    })
    const { run, mended } = scrubOf({ ...server.store, catalog: racing })
    await run()
    expect(mended).toEqual([])
    expect(await contents(catalog)).toMatchObject([{ name: 'small-again' }])
  })

  it('leaves the old manifest to the next collection where it cannot be deleted', async () => {
    await given(server, 'small', sample(100))
    const [{ id, manifests: old } = { id: '', manifests: [] }] = await allFiles(server.store.catalog)
    await overwriteStored(manifestsOf(server), old[0]!, 0, Buffer.from('!'))
    const { manifests } = server.store
    const failing = {
      ...manifests,
      delete: () => Promise.reject(new StoreError('unavailable', 'The disk does not answer, as planned.')),
    }
    await expect(scrubOf({ ...server.store, manifests: failing }).run()).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(await server.store.catalog.listManifestPages(id as never)).not.toEqual(old)
    expect(await server.store.catalog.listUnlinkedManifests(10)).toEqual(old)
    await collectGarbage(server.store)
    expect(await server.store.catalog.listUnlinkedManifests(10)).toEqual([])
  })

  it('reads every manifest once in an interval, and keeps to the rate', async () => {
    const count = manifestBatch + 1
    for (let nth = 0; nth < count; nth++) await given(server, `file-${nth}`, sample(10))
    let reads = 0
    const { manifests } = server.store
    const counted: FileStore['manifests'] = {
      ...manifests,
      read: (...args) => {
        reads++
        return manifests.read(...args)
      },
    }
    const clock = calendar()
    const { run } = scrubOf({ ...server.store, manifests: counted }, clock, 64 * KiB)
    const begun = clock.time
    await run()
    expect(reads).toBe(count)
    // A second for each but the first.
    expect(clock.time - begun).toBe((count - 1) * 1000)
    await run()
    expect(reads).toBe(count)
    clock.time += scrubIntervalMs
    await run()
    expect(reads).toBe(2 * count)
  })

  it('goes on after a failure where it was', async () => {
    for (const name of ['a', 'b', 'c']) await given(server, name, sample(10))
    await damages.missing()
    let reads = 0
    const { manifests } = server.store
    const failing: FileStore['manifests'] = {
      ...manifests,
      read: (...args) => {
        reads++
        if (reads === 2) throw new StoreError('unavailable', 'The disk does not answer, as planned.')
        return manifests.read(...args)
      },
    }
    const { run, mended } = scrubOf({ ...server.store, manifests: failing })
    await expect(run()).rejects.toMatchObject({ code: 'unavailable' })
    expect(mended.map(({ name }) => name)).toEqual(['a'])
    await run()
    expect(mended.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(reads).toBe(4)
  })

  it('writes nothing from a chunk list that has lost its end', async () => {
    await given(server, 'x', sample(200))
    await damages.missing()
    const { catalog } = server.store
    const shortened = withMethods(catalog, {
      packChunks: async (id, from, limit) => {
        const { sizes, digests, blockDigests } = await catalog.packChunks(id, from, limit)
        return {
          sizes: sizes.slice(1),
          digests: digests.subarray(32),
          blockDigests: blockDigests.subarray(32),
        }
      },
    })
    await expect(scrubOf({ ...server.store, catalog: shortened }).run()).rejects.toMatchObject({
      code: 'corrupt',
    })
    expect(storedFiles(manifestsOf(server)).size).toBe(0)
  })
})
