import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect } from '../../src/client/node.ts'
import { writableName } from '../../src/model/writable-name.ts'
import { FaultyProxy } from '../client/faulty-proxy.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { eventually } from '../robustness/eventually.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { ashlarHere } from './ashlar-here.ts'
import { onATerminal } from './on-a-terminal.ts'
import { runAshlar, type Ended } from './run-ashlar.ts'

const MiB = 1024 * 1024

let server: TestServer
beforeAll(async () => {
  server = await openTestServer()
})
afterEach(async () => {
  const client = connect(server.url)
  for await (const entry of client.list()) if ('file' in entry) await client.delete(entry.file.name)
})
afterAll(() => server.stop())

async function put(name: string, body: string): Promise<void> {
  expect((await request(server, 'PUT', `/files/${name}`, { body: Buffer.from(body) })).status).toBe(201)
}

/** A folder to be in, and the command line to use it with. */
async function setUp() {
  const folder = await temporaryDirectory()
  const run = async (
    argv: readonly string[],
    { url } = server as { readonly url: string },
  ): Promise<Ended> => {
    const ended = await ashlarHere([...argv, '--server', url], { cwd: folder })
    // How long it takes depends on the machine.
    return { ...ended, stderr: ended.stderr.replaceAll(/, in [\d.:]+(?: s)?(?: \([^)]+\/s\))?$/gm, '') }
  }
  const write = async (files: Readonly<Record<string, string | Buffer>>) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
  }
  return { folder, run, write }
}

async function* neverEnding(): AsyncGenerator<Buffer> {
  yield Buffer.from('x')
  await new Promise(() => {})
}

interface Seen {
  readonly content: string
  readonly mode: number
  readonly mtimeMs: number
}

async function readTree(folder: string): Promise<Readonly<Record<string, Seen>>> {
  const paths = await readdir(folder, { recursive: true })
  const seen: Record<string, Seen> = {}
  for (const path of paths) {
    const stats = await stat(join(folder, path))
    if (stats.isDirectory()) continue
    const content = await readFile(join(folder, path), 'latin1')
    seen[path] = { content, mode: stats.mode & 0o777, mtimeMs: Math.round(stats.mtimeMs) }
  }
  return seen
}

it('a name that no folder can hold is fetched under a short one, with -r and without', async () => {
  const { folder, run } = await setUp()
  const name = `long/${'n'.repeat(300)}.txt`
  await put(name, 'content')
  expect(await run(['get', '-r', 'long', '.'])).toMatchObject({ code: 0 })
  expect(await run(['get', name])).toMatchObject({ code: 0 })
  for (const path of [writableName(name), writableName(name.slice('long/'.length))]) {
    expect(await readFile(join(folder, path), 'utf8')).toBe('content')
  }
})

describe('a tree', () => {
  it('comes back as it was, and nothing moves twice', async () => {
    const { folder, run, write } = await setUp()
    const large = sampleChunk(3 * MiB + 1, 7).bytes
    await write({
      'tree/a.txt': 'a',
      'tree/empty': '',
      'tree/deep/er/Übermaß 音 %41?#.txt': 'names',
      'tree/large.bin': large,
    })
    await chmod(join(folder, 'tree/a.txt'), 0o750)
    await utimes(join(folder, 'tree/empty'), 1e9 + 0.123, 1e9 + 0.123)
    const before = await readTree(join(folder, 'tree'))
    const bytes = '3.0 MiB'

    expect(await run(['put', '-r', 'tree'])).toEqual({
      code: 0,
      stdout: '',
      stderr: `4 files, ${bytes} sent, 0 unchanged\n`,
    })
    expect(await run(['put', '-r', 'tree'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '4 files, 0 B sent, 4 unchanged\n',
    })
    expect(await run(['get', '-r', 'tree', 'out/new'])).toEqual({
      code: 0,
      stdout: '',
      stderr: `4 files, ${bytes} fetched, 0 unchanged\n`,
    })
    expect(await readTree(join(folder, 'out/new/tree'))).toEqual(before)
    expect((await run(['get', '-r', 'tree', 'out/new'])).stderr).toBe('4 files, 0 B fetched, 4 unchanged\n')

    // Only what has changed, and times by themselves.
    await write({ 'tree/a.txt': 'b' })
    await utimes(join(folder, 'tree/large.bin'), 1e9, 1e9)
    expect((await run(['put', '-r', 'tree'])).stderr).toBe('4 files, 1 B sent, 3 unchanged\n')
    expect((await run(['get', '-r', 'tree', 'out/new'])).stderr).toBe('4 files, 1 B fetched, 3 unchanged\n')
    expect(await readTree(join(folder, 'out/new/tree'))).toEqual(await readTree(join(folder, 'tree')))
  })

  it('what cannot be put is said, the others are', async () => {
    const { folder, run, write } = await setUp()
    await write({ 'tree/a.txt': 'a', 'tree/a\nb': 'control' })
    await symlink('nowhere', join(folder, 'tree/dangling'))
    await symlink('..', join(folder, 'tree/up'))
    const { code, stdout, stderr } = await run(['put', '-r', 'tree', '--json'])
    expect(code).toBe(1)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { path: string })
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    ).toEqual([
      { path: 'tree/a\nb', status: 'failed', code: 'invalid_name', error: expect.any(String) },
      {
        path: 'tree/a.txt',
        status: 'sent',
        bytesSent: 1,
        file: expect.objectContaining({ name: 'tree/a.txt' }),
      },
      { path: 'tree/dangling', status: 'failed', code: 'ENOENT', error: expect.any(String) },
    ])
    expect(stderr.split('\n').sort()).toEqual([
      '',
      '1 file, 1 B sent, 0 unchanged, 2 failed',
      'ashlar: tree/a\\u000ab: The name contains a control character',
      'ashlar: tree/dangling: there is no such file or folder here',
      'ashlar: tree/up is a link to a folder, and is skipped',
    ])
  })

  it.runIf(process.platform === 'linux')('each name that is not UTF-8 fails once, and is named', async () => {
    const { folder, run, write } = await setUp()
    await write({ 'tree/x\uFFFD': 'real', 'tree/d\uFFFD/in': 'real' })
    const notUtf8 = (path: string) => Buffer.from(`${folder}/${path}`, 'latin1')
    await writeFile(notUtf8('tree/x\xff'), 'not UTF-8')
    await mkdir(notUtf8('tree/d\xff'))
    await writeFile(notUtf8('tree/d\xff/in'), 'below it')
    for (const path of [
      ['-r', 'tree'],
      ['-r', 'tree/*', '--to', 'tree'],
    ]) {
      const { code, stdout, stderr } = await run(['put', ...path, '--json'])
      expect(code).toBe(1)
      const lines = stdout.trimEnd().split('\n')
      const told = lines.map((line) => JSON.parse(line) as { path: string; status: string })
      const failed = told.filter(({ status }) => status === 'failed').map((line) => line.path)
      expect(failed.sort()).toEqual(['tree/d\\xff', 'tree/x\\xff'])
      expect(
        told
          .filter(({ status }) => status !== 'failed')
          .map((line) => line.path)
          .sort(),
      ).toEqual(['tree/d\uFFFD/in', 'tree/x\uFFFD'])
      expect(stderr).toContain('2 failed')
    }
    expect((await run(['get', 'tree/x\uFFFD', '-'])).stdout).toBe('real')
  })

  it('of which the store has most is put without a question for each file', async () => {
    const { run, write } = await setUp()
    const files = { 'tree/a': 'a', 'tree/b.txt': 'b', 'tree/b/c': 'c', 'tree/b-c': 'd' }
    await write(files)
    expect(await run(['put', '-r', 'tree'])).toMatchObject({ code: 0 })
    await write({ 'tree/b/c': 'C', 'tree/b/new': 'new' })
    const proxy = await FaultyProxy.open(server)
    const { stderr } = await run(['put', '-r', 'tree'], proxy)
    expect(stderr).toMatch(/^5 files, 4 B sent, 3 unchanged/)
    const lines = proxy.requests.map(({ line }) => line)
    expect(lines.filter((line) => !line.startsWith('PATCH /api/files/')).sort()).toEqual([
      expect.stringMatching(/^GET .*chunks=1$/),
      'GET /api/files?limit=1000&prefix=tree%2F',
      'PUT /files/tree/b/c',
      'PUT /files/tree/b/new',
    ])
  })

  it('a file that was replaced after it was listed is put all the same', async () => {
    const { folder, run, write } = await setUp()
    await write({ 'tree/a': 'a' })
    await run(['put', '-r', 'tree'])
    await chmod(join(folder, 'tree/a'), 0o600)
    const proxy = await FaultyProxy.open(server, [{ on: 'PATCH', kind: 'answer', status: 404 }])
    expect(await run(['put', '-r', 'tree'], proxy)).toMatchObject({ code: 0 })
    expect(await connect(server.url).show('tree/a')).toMatchObject({ metadata: { mode: '600' } })
  })

  it('is not brought where it could do harm', async () => {
    const { folder, run, write } = await setUp()
    const outside = await temporaryDirectory()
    await write({ 'out/t/dir/there': 'mine' })
    await symlink(outside, join(folder, 'out/t/link'))
    await put('t/a', 'file')
    await put('t/a/b', 'in a folder of that name')
    await put('t/link/c', 'through a link')
    await put('t/dir', 'over a folder')
    await put('t/z', 'last')
    const { code, stderr } = await run(['get', '-r', 't', 'out'])
    expect(code).toBe(1)
    expect(stderr.split('\n').sort()).toEqual([
      '',
      '2 files, 8 B fetched, 0 unchanged, 3 failed',
      expect.stringMatching(/^ashlar: t\/a\/b: t\/a is both a file and a folder/),
      expect.stringMatching(/^ashlar: t\/dir: .* is a folder here/),
      expect.stringMatching(/^ashlar: t\/link\/c: .* is a link here/),
    ])
    expect(await readdir(outside)).toEqual([])
    expect(await readdir(join(folder, 'out'), { recursive: true })).toEqual(
      expect.not.arrayContaining([expect.stringContaining('ashlar')]),
    )
  })
})

it('nothing is brought outside the folder, whatever a server says', async () => {
  const cwd = await temporaryDirectory()
  const names = ['t/../../up', '../up', '/up', 't/', 't//up', 't/\u001B[2J']
  const files = names.map((name) => ({ id: '@', name, size: 0, metadata: {} }))
  const hostile = http.createServer((_, res) => {
    res
      .setHeader('Content-Type', 'application/json')
      .end(JSON.stringify({ files, prefixes: [], cursor: null }))
  })
  hostile.listen(0, '127.0.0.1')
  onTestFinished(() => void hostile.close())
  await once(hostile, 'listening')
  const url = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}`
  const { code, stderr } = await ashlarHere(['get', '-r', 't', 'a/b', '--server', url], { cwd })
  expect(code).toBe(1)
  expect(stderr.match(/^ashlar: .*: The name .*$/gm)).toHaveLength(names.length)
  expect(stderr).not.toContain('\u001B')
  expect(await readdir(cwd, { recursive: true })).toEqual(['a', join('a', 'b')])
})

describe('one file', () => {
  it('that is large is seen to be compared, both ways, and nothing of it moves', async () => {
    const { run, write } = await setUp()
    await write({ large: sampleChunk(3 * MiB, 8).bytes })
    await run(['put', 'large'])
    onATerminal()
    for (const command of ['put', 'get']) {
      const { stderr } = await run([command, 'large'])
      expect(stderr).toMatch(/100% .* 3\.0 MiB of 3\.0 MiB .* comparing large/)
      expect(stderr).toContain('1 unchanged')
    }
  })

  it('is told of with how long it took and how fast it went', async () => {
    const { folder, write } = await setUp()
    await write({ a: 'a' })
    const { stderr } = await ashlarHere(['put', 'a', '--server', server.url], { cwd: folder })
    expect(stderr).toMatch(/^1 file, 1 B sent, 0 unchanged, in \d+\.\d s \(\d+ B\/s\)\n$/)
  })

  it.runIf(process.platform === 'linux')('that cannot be written is told of with its path here', async () => {
    const { run, write } = await setUp()
    await put('a/one.txt', 'one')
    await write({ file: 'a file' })
    const long = `${'x'.repeat(300)}/y`
    for (const [argv, path, code] of [
      [['a/one.txt', 'nowhere/dir/one.txt'], 'nowhere/dir/one.txt', 'ENOENT'],
      [['a/one.txt', 'nowhere/one.txt', '--range', '0-1'], 'nowhere/one.txt', 'ENOENT'],
      [['a/one.txt', 'file/one.txt'], 'file/one.txt', 'ENOTDIR'],
      [['a/one.txt', '/proc/one.txt'], '/proc/one.txt', 'ENOENT'],
      [['a/one.txt', long], long, 'ENAMETOOLONG'],
      [['-r', 'a', 'file/below'], 'file/below', 'ENOTDIR'],
    ] as const) {
      const ended = await run(['get', ...argv, '--json'])
      expect(ended.code).toBe(1)
      const [line = ''] = ended.stdout.split('\n')
      expect(JSON.parse(line)).toMatchObject({
        ref: argv[0] === '-r' ? 'a' : 'a/one.txt',
        status: 'failed',
        code,
        error: expect.stringContaining(`${path}: `),
      })
    }
  })

  it.each(['get', 'rm', 'info'])('that no id stands for is no folder to %s', async (command) => {
    const { run } = await setUp()
    const { code, stderr } = await run([command, '@0199a3c1-5a6b-7c3d-9e2f-0123456789ab'])
    expect(code).toBe(1)
    expect(stderr).not.toContain('-r')
  })

  it('whose name turns the direction of a line is shown escaped, wherever it is shown', async () => {
    const { run, write } = await setUp()
    const name = 'gpj.\u202Eexe\u2066'
    await write({ [name]: 'x' })
    await run(['put', name])
    const shown = 'gpj.\\u202eexe\\u2066'
    for (const argv of [['ls'], ['ls', '-l'], ['info', name], ['rm', '--dry-run', name]]) {
      const { stdout } = await run(argv)
      expect(stdout).toContain(shown)
      expect(stdout).not.toContain('\u202E')
    }
    expect((await run(['ls', '--json'])).stdout).toContain('gpj.\\u202eexe\\u2066')
    for (const argv of [
      ['put', `${name}-missing`],
      ['get', `${name}-missing`],
      ['rm', `${name}-missing`],
    ]) {
      const { stderr } = await run(argv)
      expect(stderr).toContain(`${shown}-missing`)
      expect(stderr).not.toContain('\u202E')
    }
    const client = connect(server.url)
    const stopped = new AbortController()
    const { result } = client.putStream(name, neverEnding(), { signal: stopped.signal })
    result.catch(() => {})
    await eventually(async () => expect((await run(['uploads'])).stdout).toContain(shown))
    stopped.abort()
    await run(['uploads', 'rm', '--all'])
  })

  it('goes up by name, by stdin and by pattern, and comes back to every place', async () => {
    const { folder, run, write } = await setUp()
    await write({ 'x/a.txt': '0123456789', 'x/b.md': 'b' })
    expect(
      await run(['put', 'x/*.txt', '--to', 'docs', '--meta', 'k=v', '--type', 'text/x-a']),
    ).toMatchObject({
      code: 0,
      stderr: '1 file, 10 B sent, 0 unchanged\n',
    })
    const piped = await runAshlar(['put', '-', '--name', 'piped', '--quiet', '--server', server.url], {
      input: 'from stdin',
    })
    expect(piped).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await run(['get', 'piped', '-'])).toEqual({ code: 0, stdout: 'from stdin', stderr: '' })
    expect((await run(['get', 'docs/a.txt', '-', '--range', '2-4'])).stdout).toBe('234')
    expect((await run(['get', 'docs/a.txt', '-', '--range', '-3'])).stdout).toBe('789')
    expect(await run(['get', 'docs/a.txt', 'part', '--range', '7-'])).toMatchObject({ code: 0 })
    expect(await readFile(join(folder, 'part'), 'utf8')).toBe('789')
    expect(await run(['get', 'docs/a.txt', 'part', '--range', '10-'])).toMatchObject({
      code: 1,
      stderr: 'ashlar: docs/a.txt: has only 10 bytes: ask for a range that begins within them\n',
    })
    expect(await run(['get', 'docs/a.txt'])).toMatchObject({ code: 0 })
    expect(await run(['get', 'docs/a.txt', 'x/'])).toMatchObject({
      stderr: '1 file, 0 B fetched, 1 unchanged\n',
    })
    expect((await readdir(folder)).sort()).toEqual(['a.txt', 'part', 'x'])

    const shown = JSON.parse((await run(['info', 'docs/a.txt', '--json'])).stdout) as object
    expect(shown).toMatchObject({ mediaType: 'text/x-a', metadata: { k: 'v', mode: expect.any(String) } })
  })

  it.each(['x'.repeat(255), 'ü'.repeat(122)])(
    'may have as long a name as a file system takes: %s',
    async (name) => {
      const { folder, run, write } = await setUp()
      await write({ [name]: 'bytes' })
      expect(await run(['put', name])).toMatchObject({ code: 0 })
      await mkdir(join(folder, 'out'))
      expect(await run(['get', name, 'out'])).toMatchObject({ code: 0 })
      expect(await readTree(join(folder, 'out'))).toEqual(
        await readTree(folder).then((all) => ({ [name]: all[name] })),
      )
    },
  )

  it('that is a folder is told so', async () => {
    const { run } = await setUp()
    await put('t/a', 'a')
    for (const argv of [
      ['get', 't'],
      ['get', 't', '-'],
    ]) {
      expect(await run(argv)).toMatchObject({
        code: 1,
        stderr: 'ashlar: t: There is no such file; add -r to fetch a folder\n',
      })
    }
  })

  it('is not replaced if that is not wanted', async () => {
    const { run, write } = await setUp()
    await put('a', 'old')
    await write({ a: 'new' })
    expect(await run(['put', 'a', '--no-replace'])).toMatchObject({
      code: 1,
      stderr:
        'ashlar: a: a file with this name has other content, and --no-replace was given\n0 files, 0 B sent, 0 unchanged, 1 failed\n',
    })
    expect((await run(['get', 'a', '-'])).stdout).toBe('old')
  })

  it.runIf(process.platform === 'linux')('never takes the place of a device', async () => {
    const { folder, run } = await setUp()
    await put('a', 'a')
    await symlink('/dev', join(folder, 'dev'))
    expect(await run(['get', 'a', 'dev/null'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not a regular file'),
    })
  })
})
