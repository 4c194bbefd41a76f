import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  lostLocation,
  type CatalogRestore,
  type RestoredManifest,
} from '../../src/catalog/catalog-restore.ts'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { createAnew } from '../../src/catalog/postgres/create-anew.ts'
import {
  hasPostgresCatalog,
  openPostgresCatalog,
  openPostgresInspection,
  type PostgresCatalogOptions,
} from '../../src/catalog/postgres/open-postgres-catalog.ts'
import type { PostgresCatalog } from '../../src/catalog/postgres/postgres-catalog.ts'
import { createAnew as createSqliteAnew } from '../../src/catalog/sqlite/create-anew.ts'
import type { Location } from '../../src/model/chunk.ts'
import type { Space } from '../../src/model/file.ts'
import {
  aChunk,
  aDigest,
  aFile,
  aLocation,
  anId,
  aSpace,
  collectAll,
  named,
  outcomeOf,
} from '../catalog/fixtures.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { PostgresServer } from './postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

async function open(url: string, options?: PostgresCatalogOptions): Promise<PostgresCatalog> {
  const catalog = await openPostgresCatalog(url, options)
  onTestFinished(() => catalog.close())
  return catalog
}

const unavailable = (words: RegExp) =>
  expect.objectContaining({ name: 'StoreError', code: 'unavailable', message: expect.stringMatching(words) })

describe('creating a new catalog', () => {
  it('makes a catalog that is there when it is whole', async () => {
    const url = await server.createSchema()
    expect(await hasPostgresCatalog(url)).toBe(false)
    const given = aFile(aSpace(), 'x', { chunks: [aChunk()] })
    await createAnew(url, async (catalog) => {
      await catalog.createFile(given)
      expect(await hasPostgresCatalog(url)).toBe(false)
      await expect(openPostgresCatalog(url)).rejects.toEqual(unavailable(/rebuild it once more/))
      await expect(openPostgresInspection(url)).rejects.toEqual(unavailable(/rebuild it once more/))
    })
    expect(await hasPostgresCatalog(url)).toBe(true)
    expect(await (await open(url)).findFile(given.space, { id: given.id })).toMatchObject({ size: 10 })
  })

  it('is refused where there is something, and changes nothing', async () => {
    const url = await server.createSchema()
    const catalog = await open(url)
    const given = aFile(aSpace(), 'x', { chunks: [aChunk()] })
    await catalog.createFile(given)
    await expect(createAnew(url, () => expect.unreachable())).rejects.toEqual(
      unavailable(/There is a catalog in the database/),
    )
    expect(await catalog.findFile(given.space, { id: given.id })).toMatchObject({ size: 10 })
    expect(await hasPostgresCatalog(url)).toBe(true)
  })

  it('throws away what an attempt that failed has left', async () => {
    const url = await server.createSchema()
    const space = aSpace()
    const failing = createAnew(url, async (catalog) => {
      await catalog.createFile(aFile(space, 'x', { chunks: [aChunk()] }))
      throw new Error('broken off')
    })
    await expect(failing).rejects.toThrow('broken off')
    expect(await hasPostgresCatalog(url)).toBe(false)
    await createAnew(url, async (catalog) => {
      expect(await catalog.listFiles({ space, prefix: '', limit: 9 })).toEqual({ files: [], prefixes: [] })
    })
    expect(await (await open(url)).listAllChunks(undefined, 9)).toEqual([])
  })

  it('keeps those out who opened it while it was empty, and another one who does the same', async () => {
    const url = await server.createSchema()
    const early = await open(url, { statementTimeoutMs: 100 })
    const space = aSpace()
    await createAnew(url, async (catalog) => {
      expect(await outcomeOf(early.createFile(aFile(space, 'x')))).toBe('unavailable')
      await catalog.createFile(aFile(space, 'y'))
      await expect(createAnew(url, () => expect.unreachable())).rejects.toEqual(unavailable(/in use/))
    })
    await early.createFile(aFile(space, 'x'))
    expect((await early.listFiles({ space, prefix: '', limit: 9 })).files).toHaveLength(2)
  })
})

const somePages = fc.array(
  fc.record({
    file: fc.nat(3),
    name: fc.constantFrom<string>('a', 'b', 'c'),
    modifiedAt: fc.nat(5),
    page: fc.nat(2),
    content: fc.array(fc.nat(3), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 12 },
)

type DrawnPage = typeof somePages extends fc.Arbitrary<readonly (infer Page)[]> ? Page : never

/** Each file has one first page, and several may have the same name. */
function namesakes(drawn: readonly DrawnPage[]): readonly DrawnPage[] {
  return drawn.filter(
    ({ file, page }, index) =>
      page > 0 || drawn.findIndex((other) => other.file === file && other.page === 0) === index,
  )
}

/** No name is that of two files, which may have several first pages each. */
function renamed(drawn: readonly DrawnPage[]): readonly DrawnPage[] {
  return drawn.map(({ file, name, ...others }) => ({ file, name: `${file}${name}`, ...others }))
}

/** One of the chunks in them is lost. */
function manifestsOf(space: Space, drawn: readonly DrawnPage[]): readonly RestoredManifest[] {
  const ids = Array.from({ length: 4 }, anId)
  const contents = [{ location: lostLocation }, {}, {}, {}].map(aChunk)
  return drawn.map(({ file, name, modifiedAt, page, content }) => {
    const chunks = content.map((index) => contents[index]!)
    const { chunks: _chunks, ...described } = aFile(space, name, { id: ids[file]! })
    const first = { ...described, size: 10 * chunks.length, createdAt: 0, modifiedAt }
    return {
      id: ids[file]!,
      start: page * 30,
      file: page === 0 ? first : undefined,
      chunks,
      location: aLocation(),
    }
  })
}

/** Restores them, and resolves with all that can be seen of it then. */
async function restored(
  catalog: Catalog & CatalogRestore,
  space: Space,
  manifests: readonly RestoredManifest[],
): Promise<unknown> {
  for (const manifest of manifests) await catalog.restoreManifest(manifest)
  const counts = await catalog.endRestore()
  await collectAll(catalog)
  const { files } = await catalog.listFiles({ space, prefix: '', limit: 99 })
  const lists = files.map(async ({ id }) => ({
    chunks: (await catalog.listChunks(id, 0, 99)).map(({ start, location }) => [start, location]),
    manifests: await catalog.listManifestPages(id),
  }))
  return {
    counts,
    files,
    lists: await Promise.all(lists),
    chunks: (await catalog.listAllChunks(undefined, 10_000)).map(({ location }) => location),
    ended: (await catalog.listUnlinkedManifests(10_000)).toSorted(),
  }
}

describe('restoring', () => {
  it('gives back what was found', async () => {
    const [digest, other] = [aDigest(), aDigest()]
    const found = [
      { digest, size: 5, location: 'b' as Location },
      { digest, size: 7, location: 'a' as Location },
      { digest: other, size: 7, location: 'c' as Location },
    ]
    await createAnew(await server.createSchema(), async (catalog) => {
      await catalog.addCandidates(found)
      await catalog.addCandidates([])
      expect(await catalog.listCandidates(digest)).toEqual([found[1], found[0]])
      expect(await catalog.listCandidates(aDigest())).toEqual([])
      expect(await catalog.endRestore()).toEqual({ files: 0, lostChunks: 0 })
      expect(await catalog.listCandidates(digest)).toEqual([])
    })
  })

  it.each([
    ['files have one name', namesakes],
    ['manifests are of one file', renamed],
  ])('does the same as with SQLite where several %s, in whatever order they come', async (_, choose) => {
    const path = join(await temporaryDirectory(), 'catalog.sqlite')
    await createSqliteAnew(path, async (sqlite) => {
      await createAnew(await server.createSchema(), async (postgres) => {
        const same = fc.asyncProperty(somePages, async (drawn) => {
          const space = aSpace()
          const manifests = manifestsOf(space, choose(drawn))
          const outcomes = await Promise.allSettled([
            restored(sqlite, space, manifests),
            restored(postgres, space, manifests),
          ])
          expect(outcomes[0].status).toBe('fulfilled')
          expect(outcomes[1]).toEqual(outcomes[0])
        })
        await fc.assert(same, { numRuns: 50 })
      })
    })
  })

  it('has the latest of several manifests of a file whose name another one has, too', async () => {
    const [space, id] = [aSpace(), anId()]
    const [early, middle, late] = [1, 2, 3].map((modifiedAt) => {
      const { chunks: _chunks, ...file } = aFile(space, 'x', { id: modifiedAt === 2 ? anId() : id })
      const described = { ...file, size: 0, createdAt: 0, modifiedAt }
      return { id: file.id, start: 0, file: described, chunks: [], location: aLocation() }
    })
    const url = await server.createSchema()
    await createAnew(url, async (catalog) => {
      for (const manifest of [early!, middle!, late!]) await catalog.restoreManifest(manifest)
      expect(await catalog.endRestore()).toEqual({ files: 1, lostChunks: 0 })
    })
    const catalog = await open(url)
    await collectAll(catalog)
    expect(await catalog.findFile(space, { name: named('x') })).toMatchObject({ id, modifiedAt: 3 })
    expect(await catalog.listManifestPages(id)).toEqual([late!.location])
    expect(await catalog.listUnlinkedManifests(9)).toHaveLength(2)
  })
})
