import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openStoreToFill, openStoreToRead } from '../../../src/server/open-stores.ts'
import { flipBitOfStored, storedFiles } from '../../chunks/stored-files.ts'
import { contentsOf } from '../../files/migrating.ts'
import { eventually } from '../../robustness/eventually.ts'
import { uploadBytes } from '../../robustness/send-body.ts'
import { ServerProcess } from '../../robustness/server-process.ts'
import { request } from '../../support/http-request.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { ashlarHere } from '../ashlar-here.ts'
import { AshlarProcess } from '../run-ashlar.ts'

const chunkSize = 64 * 1024
/** More than go to the catalog in one transaction. */
const longChunks = 90
const files = new Map([
  ['few/short', randomBytes(2 * chunkSize + 1)],
  ['few/tiny', randomBytes(10)],
  ['long', randomBytes(longChunks * chunkSize)],
])
const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0)
const few = { files: 2, bytes: 2 * chunkSize + 11 }
const chunkCount = longChunks + 4
const nothing = { files: 0, bytes: 0, changed: 0, unchanged: 0, failed: 0 }
const everything = { ...nothing, files: files.size, bytes }

// Only ever read by the tests.
let from: string
beforeAll(async () => {
  from = await mkdtemp(join(tmpdir(), 'ashlar-'))
  await fill(from)
})
afterAll(() => rm(from, { recursive: true }))

let to: string
beforeEach(async () => {
  to = join(await temporaryDirectory(), 'store')
})

async function fill(directory: string): Promise<void> {
  const failures: unknown[] = []
  const flags = ['--store', directory, '--chunk-size', '64KiB', '--max-upload-concurrency', '16']
  const filled = await openStoreToFill(flags, {}, (error) => failures.push(error))
  await Promise.all([...files].map(([name, content]) => uploadBytes(filled.store, name, content)))
  await filled.close()
  expect(failures).toEqual([])
}

/** What a migration keeps of a store. */
async function contents(directory: string) {
  const opened = await openStoreToRead(['--store', directory], {})
  try {
    return await contentsOf({ catalog: opened.inspection, chunks: opened.chunks }, '')
  } finally {
    await opened.close()
  }
}

/** What the command says with `--json`, and how it ends. */
async function json(...argv: readonly string[]) {
  const { code, stdout, stderr } = await ashlarHere(['migrate', '--json', ...argv])
  return { code, stderr, said: stdout === '' ? undefined : (JSON.parse(stdout) as unknown) }
}

async function expectSame(): Promise<void> {
  expect(await contents(to)).toEqual(await contents(from))
  expect((await ashlarHere(['fsck', '--store', to])).code).toBe(0)
}

async function fsck() {
  const { stdout } = await ashlarHere(['fsck', '--store', to, '--json'])
  return JSON.parse(stdout) as { readonly chunks: number; readonly unknown: number }
}

function chunksIn(directory: string): readonly string[] {
  const chunks = join(directory, 'chunks')
  if (!existsSync(chunks)) return []
  return [...storedFiles(chunks).keys()]
}

describe('migrate', () => {
  it('makes a store with all files, and has nothing to do the next time', async () => {
    expect(await json('--from', from, '--to', to)).toEqual({ code: 0, stderr: '', said: everything })
    await expectSame()
    const chunks = chunksIn(to)
    const { code, stdout } = await ashlarHere(['migrate', '--from', from, '--to', to])
    expect([code, stdout]).toEqual([0, '0 files copied, 0 B; 0 changed, 3 unchanged, 0 failed\n'])
    expect(chunksIn(to)).toEqual(chunks)
  })

  it('takes only what begins with the prefix, and finds catalogs elsewhere', async () => {
    const catalog = `sqlite:${join(await temporaryDirectory(), 'elsewhere')}`
    const places = ['--from', from, '--to', to, '--to-catalog', catalog]
    const { said } = await json(...places, '--prefix', 'few/')
    expect(said).toEqual({ ...nothing, ...few })
    expect(existsSync(join(to, 'catalog.sqlite'))).toBe(false)
    const back = await temporaryDirectory()
    const { code } = await json('--from', to, '--from-catalog', catalog, '--to', back)
    expect(code).toBe(0)
    expect((await contents(back)).map(({ name }) => name)).toEqual(['few/short', 'few/tiny'])
  })

  it('says which file is damaged, copies the others, and ends with 1', async () => {
    const damaged = await temporaryDirectory()
    await cp(from, damaged, { recursive: true })
    const [short] = await contents(damaged)
    const source = await openStoreToRead(['--store', damaged], {})
    const [, chunk] = await source.inspection.listChunks(short!.id, 0, 2)
    await source.close()
    await flipBitOfStored(join(damaged, 'chunks'), chunk!.location, 5)
    const { code, stderr, said } = await json('--from', damaged, '--to', to, '--prefix', 'few/')
    expect([code, said]).toEqual([1, { ...nothing, files: 1, bytes: 10, failed: 1 }])
    expect(stderr).toMatch(/^ashlar: few\/short: Block 0 of the chunk at .* is damaged\n$/)
    expect((await contents(to)).map(({ name }) => name)).toEqual(['few/tiny'])
  })

  it.each([
    { argv: [], says: "required option '--from <address>' not specified" },
    { argv: ['--from', 'FROM'], says: "required option '--to <address>' not specified" },
    { argv: ['--from', 'FROM', '--to', 'TO', 'more'], says: 'too many arguments' },
    { argv: ['--from', 'TO', '--to', 'FROM'], says: 'There is no store in TO' },
    { argv: ['--from', 'FROM', '--to', 'FROM/.'], says: 'give each its own address' },
    {
      argv: ['--from', 'FROM', '--from-catalog', 'sqlite:x', '--to', 'TO', '--to-catalog', 'sqlite:x'],
      says: 'give each its own address',
    },
    { argv: ['--from', '', '--to', 'TO'], says: '--from "" must be the path of a directory' },
    { argv: ['--from', 'FROM', '--to', 's3://b'], says: '--to "s3://b" must be ' },
    {
      argv: ['--from', 'FROM', '--to', 's3://bucket'],
      says: '--to-catalog "sqlite" has no directory in an S3 store',
    },
    {
      argv: ['--from', 'FROM', '--from-catalog', 'mysql://x', '--to', 'TO'],
      says: '--from-catalog "mysql://x" must be sqlite',
    },
    {
      argv: ['--from', 'FROM', '--to', 'TO', '--max-buffer-memory', 'much'],
      says: '--max-buffer-memory "much" must be a size',
    },
  ])('%j ends with 2, and creates nothing', async ({ argv, says }) => {
    const placed = (text: string) => text.replace('FROM', from).replace('TO', to)
    const { code, stdout, stderr } = await ashlarHere(['migrate', ...argv.map(placed)])
    expect(stderr).toContain(placed(says))
    expect([code, stdout]).toEqual([2, ''])
    expect(existsSync(to)).toBe(false)
  })
})

describe('beside running servers', () => {
  it('migrate reads the store of one, and is refused by the other', async () => {
    const [source, target] = await Promise.all([from, to].map((store) => ServerProcess.start(store)))
    const places = ['migrate', '--from', from, '--to']
    const refused = await ashlarHere([...places, to])
    expect([refused.code, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toMatch(/^ashlar: The catalog .* is in use: stop the other server first\n$/)
    await target!.kill()
    expect(await ashlarHere([...places, to, '--prefix', 'few/'])).toEqual({
      code: 0,
      stdout: '2 files copied, 128 KiB; 0 changed, 0 unchanged, 0 failed\n',
      stderr: '',
    })
    const again = await ServerProcess.start(to)
    for (const name of ['few/short', 'few/tiny']) {
      const [one, other] = await Promise.all(
        [source!, again].map((server) => request(server, 'GET', `/files/${name}`)),
      )
      expect(one!.body.equals(other!.body)).toBe(true)
      for (const header of ['etag', 'last-modified', 'content-type'])
        expect(one!.headers[header]).toBe(other!.headers[header])
    }
  })
})

/** Ends it when it is in the middle of the long file. */
async function ended(signal: NodeJS.Signals) {
  const process = new AshlarProcess(['migrate', '--from', from, '--to', to, '--json'], {
    env: { ASHLAR_MAX_UPLOAD_CONCURRENCY: '1' },
  })
  await eventually(() => expect(chunksIn(to).length).toBeGreaterThan(10))
  process.child.kill(signal)
  return process.ended
}

describe('migrate that is', () => {
  it('killed leaves no half of a file, and what it had come to is not copied again', async () => {
    await ended('SIGKILL')
    const names = (await contents(to)).map(({ name }) => name)
    expect(names).not.toContain('long')
    const left = await fsck()
    expect(left).toMatchObject({ uploads: 1, damaged: 0, missing: 0, inconsistent: 0 })
    expect(left.chunks).toBeGreaterThan(4)
    const { code, said } = await json('--from', from, '--to', to)
    expect([code, said]).toMatchObject([0, { files: files.size - names.length, unchanged: names.length }])
    await expectSame()
    expect(chunksIn(to)).toHaveLength(chunkCount + left.unknown)
  })

  it('ended by a signal says how to go on, and leaves nothing to collect', async () => {
    const { code, stdout, stderr } = await ended('SIGINT')
    expect([code, stderr]).toEqual([130, 'ashlar: interrupted: run the same command again to resume\n'])
    expect(JSON.parse(stdout)).toMatchObject({ failed: 0 })
    expect(await fsck()).toMatchObject({ uploads: 1, unknown: 0 })
    expect((await json('--from', from, '--to', to)).code).toBe(0)
    await expectSame()
    expect(chunksIn(to)).toHaveLength(chunkCount)
  })
})
