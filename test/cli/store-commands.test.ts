import { readdirSync } from 'node:fs'
import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import { newLocation } from '../../src/chunks/chunk-location.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { openStore } from '../../src/server/open-stores.ts'
import type { FileChunk } from '../../src/model/chunk.ts'
import { parseFileName, defaultSpace } from '../../src/model/file.ts'
import { flipBitOfFile } from '../chunks/flip-bit-of-file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { eventually } from '../robustness/eventually.ts'
import { head, RawClient } from '../robustness/raw-client.ts'
import { storedFiles } from '../chunks/stored-files.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { ServerProcess } from '../robustness/server-process.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { onATerminal } from './on-a-terminal.ts'
import { ashlarHere } from './ashlar-here.ts'
import { runAshlar } from './run-ashlar.ts'

// More than goes into a pack.
const chunkSize = 128 * 1024
const { bytes } = sampleChunk(4 * chunkSize + 1, 1)
const sound = {
  faults: 0,
  damaged: 0,
  missing: 0,
  unreadable: 0,
  inconsistent: 0,
  manifests: 0,
  unknown: 0,
  unknownBytes: 0,
}
const whole = { files: 2, uploads: 0, chunks: 5, bytes: bytes.length, ...sound }

let directory: string
let chunks: readonly FileChunk[]

/** Does something with the store as a server would, and closes it again. */
async function withStore<T>(
  work: (store: FileStore) => Promise<T>,
  expected: readonly object[] = [],
): Promise<T> {
  const failures: unknown[] = []
  const opened = await openStore(['--store', directory, '--chunk-size', '128KiB'], {}, (error) =>
    failures.push(error),
  )
  try {
    return await work(opened.store)
  } finally {
    await opened.close()
    expect(failures).toMatchObject(expected)
  }
}

// Made once, with two files with the same content: to sync all that a store has takes longer than
// to copy it.
let template: string
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'ashlar-'))
  directory = template
  await mkdir(join(directory, 'chunks'))
  await (await SqliteCatalog.open(join(directory, 'catalog.sqlite'))).close()
  chunks = await withStore(async (store) => {
    const { file } = await uploadBytes(store, 'folder/one', bytes)
    await uploadBytes(store, 'two', bytes)
    return store.catalog.listChunks(file.id, 0, 100)
  })
})
afterAll(() => rm(template, { recursive: true }))
beforeEach(async () => {
  directory = join(await temporaryDirectory(), 'store')
  await cp(template, directory, { recursive: true })
})

const pathOf = (index: number) => join(directory, 'chunks', chunks[index]!.location)

function manifestFiles(): readonly string[] {
  return [...new Set(Array.from(storedFiles(join(directory, 'records')).values(), ({ path }) => path))]
}

function chunkCount(): number {
  return storedFiles(join(directory, 'chunks')).size
}

/** What a command says with `--json`, and how it ends. */
async function json(...argv: readonly string[]) {
  const { code, stdout, stderr } = await ashlarHere([...argv, '--store', directory, '--json'])
  const lines = stdout.split('\n').slice(0, -1)
  return { code, stderr, said: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

async function leaveOrphan(): Promise<void> {
  const { digest } = chunks[0]!
  await writeFile(join(directory, 'chunks', newLocation(digest)), 'half a chunk')
}

describe('fsck', () => {
  it.each([[[]], [['--quick']]])('%j of a store that is well ends with 0', async (flags) => {
    expect(await json('fsck', ...flags)).toEqual({
      code: 0,
      stderr: '',
      said: [{ kind: 'summary', ...whole }],
    })
  })

  it('finds a chunk that is damaged, one that is cut short and one that is gone, and says of which files', async () => {
    await flipBitOfFile(pathOf(0), 1000)
    await truncate(pathOf(1), 1000)
    await rm(pathOf(2))
    const before = await stat(join(directory, 'catalog.sqlite'))
    const { code, said } = await json('fsck')
    expect(code).toBe(1)
    expect(said.at(-1)).toEqual({ kind: 'summary', ...whole, damaged: 2, missing: 1 })
    const conditions = ['damaged', 'damaged', 'missing']
    expect(said).toHaveLength(4)
    for (const [index, condition] of conditions.entries()) {
      const { digest, location, size } = chunks[index]!
      const holders = ['folder/one', 'two'].map((name) => expect.objectContaining({ name, isUpload: false }))
      expect(said).toContainEqual({
        kind: 'chunk',
        condition,
        digest,
        location,
        size,
        holders,
        hasMoreHolders: false,
      })
    }
    expect((await stat(join(directory, 'catalog.sqlite'))).mtimeMs).toBe(before.mtimeMs)
    expect(chunkCount()).toBe(4)

    const { code: textCode, stdout } = await ashlarHere(['fsck', '--store', directory])
    expect(textCode).toBe(1)
    const { digest, location } = chunks[2]!
    expect(stdout).toContain(`missing: chunk ${digest} at ${location}\n  of file folder/one (@`)
    expect(stdout).toMatch(
      /\n2 files, 0 uploads, 5 chunks \(512 KiB\): 2 damaged, 1 missing, 0 unreadable, 0 inconsistent, 0 bad manifests\n$/,
    )
  })

  it('in a hurry finds what is gone or cut short, and reads nothing else', async () => {
    await flipBitOfFile(pathOf(0), 1000)
    await truncate(pathOf(1), chunkSize - 1)
    await rm(pathOf(2))
    const { code, said } = await json('fsck', '--quick')
    expect(code).toBe(1)
    expect(said.at(-1)).toEqual({ kind: 'summary', ...whole, damaged: 1, missing: 1 })
  })

  it('says what the disk does not let it read', async () => {
    await rm(pathOf(3))
    // Like one that may not be read, also for who may read everything.
    await symlink(pathOf(3), pathOf(3))
    const { code, said } = await json('fsck')
    expect(code).toBe(1)
    expect(said[0]).toMatchObject({ condition: 'unreadable', reason: expect.stringContaining('ELOOP') })
    expect(said[1]).toMatchObject({ unreadable: 1, damaged: 0, missing: 0 })
  })

  it('finds chunk lists and digests that are wrong', async () => {
    const database = new DatabaseSync(join(directory, 'catalog.sqlite'))
    database.exec(
      "delete from file_chunks where start = 131072 and file_id = (select id from files where name = 'two')",
    )
    database.exec("update files set digest = zeroblob(32) where name = 'folder/one'")
    database.exec('update chunks set block_digests = zeroblob(32) where size = 1')
    database.close()
    const { code, said } = await json('fsck')
    expect(code).toBe(1)
    const lists = said.filter(({ kind }) => kind === 'list').map(({ name }) => name)
    expect(lists).toEqual(expect.arrayContaining(['folder/one', 'two']))
    expect(said.at(-1)).toMatchObject({ kind: 'summary', inconsistent: lists.length, damaged: 1 })
  })

  it.each([[[]], [['--quick']]])(
    '%j finds manifests that are overwritten, and says of which files',
    async (flags) => {
      for (const path of manifestFiles()) await writeFile(path, Buffer.alloc((await stat(path)).size))
      const { code, said } = await json('fsck', ...flags)
      expect(code).toBe(1)
      expect(said.slice(0, -1)).toMatchObject(
        ['folder/one', 'two'].map((name) => ({ kind: 'manifest', name, condition: 'damaged' })),
      )
      expect(said.at(-1)).toEqual({ kind: 'summary', ...whole, manifests: 2 })
    },
  )

  it.each([
    ['one by one', async () => Promise.all(manifestFiles().map((path) => rm(path)))],
    ['with their directory', () => rm(join(directory, 'records'), { recursive: true })],
  ])('finds manifests that are gone %s', async (_, remove) => {
    await remove()
    const { code, said } = await json('fsck')
    expect([code, said.at(-1)]).toEqual([1, { kind: 'summary', ...whole, manifests: 2 }])
    expect(said[0]).toMatchObject({ kind: 'manifest', name: 'folder/one', condition: 'missing' })
  })

  it('takes what the catalog does not know for no damage', async () => {
    await leaveOrphan()
    const { code, said } = await json('fsck')
    expect(code).toBe(0)
    expect(said).toEqual([{ kind: 'summary', ...whole, unknown: 1, unknownBytes: 12 }])
  })

  it('has no fault to find with what was mended', async () => {
    await flipBitOfFile(pathOf(0), 1000)
    expect((await json('fsck')).code).toBe(1)
    await withStore((store) => uploadBytes(store, 'three', bytes), [{ code: 'corrupt' }])
    expect((await json('fsck')).code).toBe(0)
  })
})

function unlinkAll(): Promise<void> {
  return withStore(async ({ catalog }) => {
    for (const name of ['folder/one', 'two']) {
      await catalog.deleteFile(defaultSpace, { name: parseFileName(name) })
    }
  })
}

describe('gc', () => {
  it('says beforehand what it would do, and does that', async () => {
    await unlinkAll()
    await leaveOrphan()
    const nothing = { uploads: 0, chunks: 0, bytes: 0 }
    expect(await json('gc', '--dry-run')).toEqual({
      code: 0,
      stderr: '',
      said: [{ ...nothing, unknown: 1, unknownBytes: 12 }],
    })
    const hasty = ['--collect-grace', '0s', '--orphan-grace', '0s']
    const all = { uploads: 0, chunks: 5, bytes: bytes.length }
    expect((await json('gc', '--dry-run', ...hasty)).said).toEqual([{ ...all, unknown: 1, unknownBytes: 12 }])
    expect(chunkCount()).toBe(6)

    const { code, said } = await json('gc')
    expect([code, said]).toEqual([0, [{ ...nothing, orphans: 1, orphanBytes: 12 }]])
    expect(chunkCount()).toBe(6)
    const planned = { ...all, chunks: 6, bytes: bytes.length + 12, unknown: 0, unknownBytes: 0 }
    expect((await json('gc', '--dry-run', ...hasty)).said).toEqual([planned])
    const { stdout } = await ashlarHere(['gc', '--store', directory, ...hasty])
    expect(stdout).toBe('deleted: 0 uploads, 6 chunks (512 KiB)\norphans found: 0 (0 B)\n')
    expect(chunkCount()).toBe(0)
  })

  it('that cannot delete something ends with 1', async () => {
    await unlinkAll()
    await rm(pathOf(0))
    await mkdir(join(pathOf(0), 'not empty'), { recursive: true })
    const { code, stderr } = await json('gc', '--collect-grace', '0s')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^ashlar: Cannot delete chunk .*\n$/)
    expect(chunkCount()).toBe(0)
  })
})

it.each(['catalog.sqlite', 'chunks'])('no command makes up a store where %s is gone', async (name) => {
  await rename(join(directory, name), join(directory, 'elsewhere'))
  for (const command of ['fsck', 'gc', 'gc --dry-run']) {
    const { code, stderr } = await json(...command.split(' '))
    expect(code).toBe(2)
    const wrong =
      name === 'chunks' ? /^ashlar: There is no store in .* it has no chunks\n$/ : /ashlar rebuild/
    expect(stderr).toMatch(wrong)
    expect(readdirSync(directory)).not.toContain(name)
  }
})

async function loseCatalog(): Promise<void> {
  for (const end of ['', '-wal', '-shm']) await rm(join(directory, `catalog.sqlite${end}`), { force: true })
}

describe('rebuild', () => {
  it('makes a catalog with which all is well', async () => {
    const before = await withStore(({ catalog }) => listAll(catalog))
    await loseCatalog()
    expect(await json('rebuild')).toEqual({
      code: 0,
      stderr: '',
      said: [{ files: 2, manifests: 2, damagedManifests: [], lostChunks: 0 }],
    })
    expect(await withStore(({ catalog }) => listAll(catalog))).toEqual(before)
    expect((await json('fsck')).said).toEqual([{ kind: 'summary', ...whole }])
  })

  it('says what is lost, and ends with 1', async () => {
    await loseCatalog()
    await rm(pathOf(3))
    const { code, stderr, said } = await json('rebuild')
    expect({ code, said }).toMatchObject({ code: 1, said: [{ files: 2, lostChunks: 1 }] })
    expect(stderr).toMatch(/^ashlar: 1 chunk lost/)
    expect((await json('fsck')).code).toBe(1)
  })

  it('does not touch a catalog that is there', async () => {
    const { code, stderr } = await json('rebuild')
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(`mv ${join(directory, 'catalog.sqlite')} `),
    })
    expect((await json('fsck')).code).toBe(0)
  })

  it('is what everybody asks for who finds no catalog', async () => {
    await loseCatalog()
    await expect(withStore(() => Promise.resolve())).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ashlar rebuild --store/),
    })
  })
})

/**
 * Of the store's pack that holds the most, all but the chunks. Resolves with its path in the store.
 */
async function damageLargestPack(folder: string): Promise<string> {
  const byPack = Map.groupBy(storedFiles(join(directory, folder)).values(), ({ path }) => path)
  const packs = [...byPack].filter(([path]) => path.endsWith('.pack'))
  const [[path, stored] = ['', []]] = packs.sort(([, a], [, b]) => b.length - a.length)
  expect(stored.length).toBeGreaterThan(1)
  const bytesThere = await readFile(path)
  const { offset } = stored[0]!
  const end = stored.at(-1)!.offset + stored.at(-1)!.size
  await writeFile(
    path,
    Buffer.concat([Buffer.alloc(offset), bytesThere.subarray(offset, end), Buffer.alloc(offset)]),
  )
  return path.slice(join(directory, folder).length + 1)
}

describe('a pack whose header is damaged at both ends', () => {
  const small = Array.from({ length: 12 }, (_, seed) => sampleChunk(1000, seed).bytes)

  const putSmall = (expected: readonly object[] = []) =>
    withStore(async (store) => {
      const names = small.map((_, index) => `small/${index}`)
      await Promise.all(small.map((content, index) => uploadBytes(store, names[index]!, content)))
      const files = await Promise.all(
        names.map((name) => store.catalog.findFile(defaultSpace, { name: parseFileName(name) })),
      )
      return Promise.all(files.map(async (file) => (await store.catalog.listChunks(file!.id, 0, 1))[0]!))
    }, expected)

  it('is damage of its chunks, is never collected, and is mended by their content', async () => {
    const there = await putSmall()
    const path = await damageLargestPack('chunks')
    const hurt = there.filter(({ location }) => location.startsWith(path))
    const { code, said } = await json('fsck')
    expect([code, said.at(-1)]).toMatchObject([1, { damaged: hurt.length, missing: 0, unknown: 0 }])
    const found = new Map(said.slice(0, -1).map(({ location, condition }) => [location, condition]))
    expect(found).toEqual(new Map(hurt.map(({ location }) => [location, 'damaged'])))
    const hasty = ['--collect-grace', '0s', '--orphan-grace', '0s']
    for (const run of [1, 2])
      expect([run, (await json('gc', ...hasty)).said]).toMatchObject([run, [{ chunks: 0, orphans: 0 }]])
    await putSmall(hurt.map(() => ({ code: 'corrupt' })))
    expect((await json('gc', ...hasty)).said).toMatchObject([{ chunks: hurt.length, orphans: 0 }])
    expect((await json('fsck')).code).toBe(0)
    expect(storedFiles(join(directory, 'chunks')).has(path)).toBe(true)
  })

  it('of manifests is what a rebuild says, and all else is there', async () => {
    await putSmall()
    const count = storedFiles(join(directory, 'records')).size
    const path = await damageLargestPack('records')
    const left = storedFiles(join(directory, 'records')).size - 1
    await loseCatalog()
    const { code, said } = await json('rebuild')
    expect([code, said]).toMatchObject([1, [{ files: left, manifests: left, damagedManifests: [path] }]])
    expect(left).toBeLessThan(count)
  })
})

it('fsck, export and rebuild show on a terminal how far they are', async () => {
  onATerminal()
  const out = await temporaryDirectory()
  expect((await json('fsck')).stderr).toMatch(
    new RegExp(`100% .* ${chunks.length} of ${chunks.length} chunks`),
  )
  expect((await json('export', '--to', out)).stderr).toMatch(/100% .* 2 of 2 files.* two/)
  await loseCatalog()
  expect((await json('rebuild')).stderr).toMatch(/100% .* 2 of 2 manifests/)
})

describe('export', () => {
  it('writes plain files, and ends with 1 if one cannot be written', async () => {
    const out = await temporaryDirectory()
    expect(await json('export', '--to', out)).toEqual({
      code: 0,
      stderr: '',
      said: [{ files: 2, bytes: 2 * bytes.length, unchanged: 0, failed: 0 }],
    })
    expect(bytes.equals(await readFile(join(out, 'folder', 'one')))).toBe(true)
    expect(await json('export', '--to', out)).toMatchObject({ code: 0, said: [{ files: 2, unchanged: 2 }] })
    await writeFile(join(out, 'folder', 'one'), 'mine')
    const { code, stderr, said } = await json('export', '--to', out, 'folder/')
    expect({ code, said }).toEqual({ code: 1, said: [{ files: 0, bytes: 0, unchanged: 0, failed: 1 }] })
    expect(stderr).toMatch(/^ashlar: folder\/one: /)
  })
})

function listAll(catalog: FileStore['catalog']) {
  return catalog.listFiles({ space: defaultSpace, prefix: '', limit: 100 })
}

describe('beside a running server', () => {
  it('fsck and a dry run go on, and a collection is refused with one line', async () => {
    const server = await ServerProcess.start(directory)
    const body = sampleChunk(chunkSize, 2).bytes
    await request(server, 'PUT', '/files/three', { body })
    const checked = await json('fsck')
    expect(checked.said).toMatchObject([{ files: 3, chunks: 6, damaged: 0, missing: 0 }])
    const planned = await json('gc', '--dry-run')
    expect([checked.code, planned.code, planned.stderr]).toEqual([0, 0, ''])
    const refused = await runAshlar(['gc'], { env: { ASHLAR_STORE: directory } })
    expect([refused.code, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toMatch(
      /^ashlar: The catalog .* is in use.*collects by itself every --collect-interval.*\n$/,
    )
    expect((await request(server, 'GET', '/files/three')).body.equals(body)).toBe(true)
  })
})

describe('a server whose manifests are overwritten with zeros', () => {
  it('rewrites them, says so, and a rebuild finds every file', async () => {
    for (const path of manifestFiles()) await writeFile(path, Buffer.alloc((await stat(path)).size))
    const server = await ServerProcess.start(directory)
    await eventually(async () => {
      const metrics = (await request(server, 'GET', '/metrics')).body.toString()
      expect(metrics).toMatch(/^ashlar_manifests_mended_total 2$/m)
    })
    expect(server.log.filter(({ level }) => level === 40)).toMatchObject([
      { name: 'folder/one', condition: 'damaged' },
      { name: 'two', condition: 'damaged' },
    ])
    await server.terminate()
    expect(await json('fsck')).toMatchObject({ code: 0 })
    await loseCatalog()
    expect((await json('rebuild')).said).toMatchObject([{ files: 2, lostChunks: 0 }])
  })
})

describe('a server that is killed in the middle of an upload', () => {
  it('leaves chunks that the next one finds and collects, and just those', async () => {
    const first = await ServerProcess.start(directory, ['--chunk-size', '128KiB'])
    const client = await RawClient.open(first.port)
    await client.send(head('PUT /files/never', `Content-Length: ${100 * chunkSize}`))
    await client.send(sampleChunk(7 * chunkSize, 3).bytes)
    await eventually(() => expect(chunkCount()).toBeGreaterThanOrEqual(11))
    await first.kill()
    const left = chunkCount() - 5
    expect((await json('fsck')).said).toEqual([
      expect.objectContaining({ unknown: left, damaged: 0, missing: 0 }),
    ])

    const times = ['--collect-interval', '50ms', '--orphan-grace', '0s']
    const second = await ServerProcess.start(directory, times)
    await eventually(() => expect(chunkCount()).toBe(5))
    // The search is reported when it is over, and collection does not wait for it.
    await eventually(async () => {
      const metrics = (await request(second, 'GET', '/metrics')).body.toString()
      expect(metrics).toMatch(new RegExp(`^ashlar_orphans_found_total ${left}$`, 'm'))
    })
    for (const name of ['folder/one', 'two']) {
      expect((await request(second, 'GET', `/files/${name}`)).body.equals(bytes)).toBe(true)
    }
    expect(second.log.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^found chunks/))
  })
})
