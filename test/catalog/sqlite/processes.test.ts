import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { findFile } from '../../../src/catalog/sql/file-rows.ts'
import { openWriter } from '../../../src/catalog/sqlite/connection.ts'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { fastStart } from '../../support/fast-start.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { aFile, aSpace, named } from '../fixtures.ts'

const inUse = { code: 'unavailable', message: expect.stringContaining('in use') }

async function aPath(): Promise<string> {
  return join(await temporaryDirectory(), 'catalog.db')
}

function scriptPath(name: string): string {
  return fileURLToPath(new URL(`../children/${name}.ts`, import.meta.url))
}

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return child
}

it('is refused while it is open in this process, and not any more once closed', async () => {
  const path = await aPath()
  const first = await SqliteCatalog.open(path)
  await expect(SqliteCatalog.open(path)).rejects.toMatchObject(inUse)
  await first.createFile(aFile(aSpace(), 'still works'))
  await first.close()
  const second = await openWriter(path)
  second.close()
})

it('is refused while another process has it open, and holds what that one acknowledged before it was killed', async () => {
  const path = await aPath()
  const space = aSpace()
  const child = start(process.execPath, [...fastStart, scriptPath('hold-open'), path, space])
  await once(child.stdout!, 'data')
  await expect(openWriter(path)).rejects.toMatchObject(inUse)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const writer = await openWriter(path)
  onTestFinished(() => writer.close())
  expect(await findFile(writer.db, space, { name: named('acknowledged') })).toMatchObject({ space })
})

it('does not keep a process alive that has nothing more to do', async () => {
  const child = start(process.execPath, [...fastStart, scriptPath('leave-open'), await aPath()])
  const [output, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')])
  expect({ output, code }).toEqual({ output: 'done\n', code: 0 })
})

// A limit on the sizes of files makes the kernel refuse writes for real.
it.skipIf(process.platform === 'win32')(
  'takes no more changes once a commit has failed with an I/O error, and still reads',
  async () => {
    const limited = 'ulimit -f 1000 && exec "$0" "$@"'
    const args = [process.execPath, scriptPath('fill-up'), await aPath()]
    const child = start('sh', ['-c', limited, ...args])
    const [output, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')])
    expect(code).toBe(0)
    expect(JSON.parse(output)).toEqual({
      refused: expect.stringMatching(/^unavailable: .*restart the server/),
      later: expect.stringMatching(/^unavailable: .*restart the server/),
      hasLast: true,
      hasRefused: false,
    })
  },
)
