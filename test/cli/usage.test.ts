import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ashlarHere } from './ashlar-here.ts'
import { runAshlar } from './run-ashlar.ts'

const commands = [
  'serve',
  'put',
  'get',
  'ls',
  'rm',
  'info',
  'uploads',
  'gc',
  'fsck',
  'rebuild',
  'export',
  'migrate',
]

describe('help', () => {
  it('names every command and every exit code', async () => {
    const { code, stdout, stderr } = await runAshlar(['--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const word of [...commands, 'Examples:', '130', '143', '141']) expect(stdout).toContain(word)
  })

  it.each([
    ...commands.map((name) => [name, '--help']),
    ['help', 'get'],
    ['help', 'serve'],
    ['uploads', 'rm', '-h'],
  ])('%s %s has options and examples', async (...argv) => {
    const { code, stdout, stderr } = await ashlarHere(argv)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Usage: ashlar \w+ .*Options:.*Examples:\n  ashlar /s)
  })

  it.each([['--help'], ...commands.map((name) => [name, '--help']), ['uploads', 'rm', '--help']])(
    '%s %s fits a terminal of 80 columns',
    async (...argv) => {
      const { columns } = process.stdout
      process.stdout.columns = 80
      onTestFinished(() => void (process.stdout.columns = columns))
      const { stdout } = await ashlarHere(argv)
      // A word that is too long by itself has nowhere to go.
      const tooWide = stdout.split('\n').filter((line) => line.length > 80 && line.trim().includes(' '))
      expect(tooWide).toEqual([])
    },
  )
})

describe('wrong usage ends with 2, says what is wrong, and does nothing', () => {
  it.each([
    { argv: [], says: 'Usage:' },
    { argv: ['nonsense'], says: "unknown command 'nonsense'" },
    { argv: ['put'], says: "missing required argument 'paths'" },
    { argv: ['put', 'a', '--nonsense'], says: "unknown option '--nonsense'" },
    { argv: ['put', '-'], says: 'give it a name' },
    { argv: ['put', '-', 'a', '--name', 'n'], says: 'upload stdin alone' },
    { argv: ['put', 'a', 'b', '--name', 'n'], says: '--name is for a single path' },
    { argv: ['put', 'a', '--name', '@n'], says: 'begins with @' },
    { argv: ['put', 'a', '--meta', 'novalue'], says: 'written key=value' },
    { argv: ['put', 'a', '--parallel', '0'], says: 'from 1 to 64' },
    { argv: ['put', 'a', '--files-at-once', '257'], says: 'from 1 to 256' },
    { argv: ['get', 'a', '--range', '9-8'], says: 'written 0-99' },
    { argv: ['get', '-r', 'a', '-'], says: 'leave out' },
    { argv: ['get', 'a', '-', '--json'], says: 'stdout' },
    { argv: ['rm', '-r', '.'], says: 'everything' },
    { argv: ['uploads', 'rm'], says: 'ids' },
    { argv: ['uploads', 'rm', 'a', '--all'], says: 'ids' },
    { argv: ['ls', '--server', 'ftp://a'], says: 'no address of a server' },
    { argv: ['ls', '--header', 'a b: c'], says: 'written name:value' },
    { argv: ['ls', '--give-up-after', '5'], says: 'with its unit' },
    { argv: ['serve', '--prot', '1'], says: '--port' },
    { argv: ['fsck', '--nonsense'], says: "unknown option '--nonsense'" },
    { argv: ['fsck', '--store', ''], says: 'must be the path of a directory' },
    { argv: ['fsck', '--store', '/nowhere/at/all'], says: 'There is no store in /nowhere/at/all' },
    { argv: ['gc', 'extra'], says: 'too many arguments' },
    { argv: ['gc', '--collect-grace', '5'], says: 'must be a time' },
    { argv: ['gc', '--dry-run', '--orphan-grace', 'soon'], says: 'must be a time' },
  ])('$argv', async ({ argv, says }) => {
    const { code, stdout, stderr } = await ashlarHere(argv)
    expect(stderr).toContain(says)
    expect([code, stdout]).toEqual([2, ''])
  })
})

it('the exit code of wrong usage is that of the process', async () => {
  expect(await runAshlar(['nonsense'])).toMatchObject({ code: 2, stdout: '' })
})

it('a server that is not there is said after the patience that was asked for', async () => {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as net.AddressInfo
  listener.close()
  const { code, stdout, stderr } = await runAshlar([
    'put',
    '--server',
    `http://127.0.0.1:${port}`,
    '--give-up-after',
    '0s',
    '--files-at-once',
    '1',
    // Once for all of them.
    'package.json',
    'README.md',
    'LICENSE',
  ])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(
    /^ashlar: package.json: The server cannot be reached: .*ECONNREFUSED.*\n0 files, 0 B sent, 0 unchanged, 1 failed, in .*\n$/,
  )
})
