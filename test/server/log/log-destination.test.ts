import { execFile } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { LogDestination } from '../../../src/server/log/log-destination.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const run = promisify(execFile)
const module = new URL('../../../src/server/log/log-destination.ts', import.meta.url).href

it('writes every line in order to a file', async () => {
  const path = join(await temporaryDirectory(), 'log')
  const fd = openSync(path, 'a')
  onTestFinished(() => closeSync(fd))
  const destination = new LogDestination(fd, (line) => line.toUpperCase())
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`)
  for (const line of lines) destination.write(line)
  await destination.end()
  expect(readFileSync(path, 'utf8')).toBe(lines.join('').toUpperCase())
  expect(destination.dropped).toBe(0)
})

it.runIf(process.platform === 'linux')('drops and counts what a full disk does not take', async () => {
  const full = await open('/dev/full', 'w')
  onTestFinished(() => full.close())
  const destination = new LogDestination(full.fd)
  for (let count = 0; count < 100; count++) destination.write('line\n')
  await destination.end()
  expect(destination.dropped).toBe(100)
})

it.runIf(process.platform === 'linux')(
  'drops and counts what does not fit in memory while nobody reads',
  async () => {
    const script = `
    import { LogDestination } from ${JSON.stringify(module)}
    const destination = new LogDestination(1)
    const line = 'x'.repeat(999) + '\\n'
    for (let count = 0; count < 5000; count++) destination.write(line)
    await destination.end()
    process.stderr.write(destination.dropped + '\\n')`
    // The reader of the pipe never reads, and the process ends nevertheless.
    const command = 'mkfifo "$2" && exec 3<>"$2" && "$0" --input-type=module -e "$1" 2>&1 >&3'
    const pipe = join(await temporaryDirectory(), 'pipe')
    const { stdout } = await run('sh', ['-c', command, process.execPath, script, pipe])
    const [told, dropped, ...rest] = stdout.split('\n')
    expect(told).toMatch(/^ashlar: /)
    // A mebibyte waits, and the pipe has at most as much.
    expect(Number(dropped)).toBeGreaterThan(2500)
    expect(Number(dropped)).toBeLessThan(4500)
    expect(rest).toEqual([''])
  },
)
