import { beforeAll, afterAll, expect, it } from 'vitest'
import { request } from '../support/http-request.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'
import { ashlarHere } from './ashlar-here.ts'

let server: TestServer

beforeAll(async () => {
  server = await openTestServer()
  for (const name of ['a/b/c', 'a/d', 'a', 'ab', 'e']) {
    await request(server, 'PUT', `/files/${name}`, { body: Buffer.from(name) })
  }
})

afterAll(() => server.stop())

const run = (...argv: string[]) => ashlarHere([...argv, '--server', server.url])

const lines = (...names: string[]) => names.map((name) => `${name}\n`).join('')

it.each([
  { argv: ['ls'], code: 0, stdout: lines('a', 'a/', 'ab', 'e') },
  { argv: ['ls', 'a'], code: 0, stdout: lines('a', 'a/b/', 'a/d') },
  { argv: ['ls', 'a/'], code: 0, stdout: lines('a/b/', 'a/d') },
  { argv: ['ls', '-R', 'a/'], code: 0, stdout: lines('a/b/c', 'a/d') },
  { argv: ['ls', 'nothing'], code: 1, stderr: 'ashlar: nothing: There is no such file or folder\n' },
  { argv: ['uploads', 'rm', '--all'], code: 0, stderr: '0 uploads deleted\n' },
  {
    argv: ['uploads', 'rm', 'none'],
    code: 1,
    stderr: 'ashlar: none: Invalid id: expected a UUIDv7\n0 uploads deleted\n',
  },
  {
    argv: ['rm', 'a/b'],
    code: 1,
    stderr: expect.stringMatching(/^ashlar: a\/b: There is no such file; add -r .*\n0 files deleted\n$/),
  },
  {
    argv: ['rm', '-r', '--dry-run', 'a'],
    code: 0,
    stdout: lines('a/b/c', 'a/d', 'a'),
    stderr: '3 files would be deleted\n',
  },
])('$argv', async ({ argv, code, stdout = '', stderr = '' }) => {
  expect(await run(...argv)).toEqual({ code, stdout, stderr })
})

it('ls -l has sizes and times', async () => {
  expect((await run('ls', '-l', 'a/')).stdout).toMatch(
    /^ {7}- {2}-{1} {15} {2}a\/b\/\n {5}3 B {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}a\/d\n$/,
  )
  expect((await run('ls', '--bytes', 'e')).stdout).toMatch(/^ {14}1 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}e\n$/)
})

it('info --chunks shows what the server has', async () => {
  const { stdout } = await run('info', 'a/d', '--chunks', '--json')
  const file = JSON.parse(stdout) as { size: number; chunks: { start: number; size: number }[] }
  expect(file).toMatchObject({ name: 'a/d', size: 3, chunks: [{ start: 0, size: 3 }] })
  expect((await run('info', 'a/d')).stdout).toMatch(/^name: {7}a\/d\nid: .*\nsize: {7}3 bytes\n/)
})

it('rm deletes files and folders, and no more', async () => {
  expect(await run('rm', 'e', '-r', 'a', '--json')).toMatchObject({ code: 0, stderr: '4 files deleted\n' })
  expect((await run('ls', '-R')).stdout).toBe(lines('ab'))
})
