import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../robustness/eventually.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { AshlarProcess, runAshlar } from './run-ashlar.ts'

/** Where that can be seen. */
async function poolThreads(pid: number | undefined): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  const tasks = await readdir(`/proc/${pid}/task`)
  const names = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/comm`, 'utf8')))
  return names.filter((name) => name.startsWith('libuv-worker')).length
}

it('serve is the server, in this very process', async () => {
  const store = await temporaryDirectory()
  // Who has set it for the other commands may start a server, too.
  const env = { ASHLAR_URL: 'http://127.0.0.1:9', ASHLAR_LOG_LEVEL: 'info' }
  const server = new AshlarProcess(
    ['serve', '--store', store, '--port', '0', '--max-upload-concurrency', '8'],
    { env },
  )
  const url = await eventually(() => {
    const [line] = String(server.stdout).split('\n')
    return (JSON.parse(line ?? '') as { url: string }).url
  })
  const put = await runAshlar(['put', '-', '--name', 'n', '--server', url], { env, input: 'x' })
  expect(put).toMatchObject({ code: 0, stderr: expect.stringMatching(/^1 file, 1 B sent, 0 unchanged, /) })
  // The size of the pool is read when it is first used: loading the server must not have done that.
  // Each thread takes its name once it runs.
  await eventually(async () =>
    expect(await poolThreads(server.child.pid)).toBe(process.platform === 'linux' ? 30 : undefined),
  )
  server.child.kill('SIGTERM')
  expect(await server.ended).toMatchObject({ code: 0, stderr: '' })
})

it('the bin of the package runs the command line', async () => {
  const bin = fileURLToPath(new URL('../../bin/ashlar.mjs', import.meta.url))
  const child = spawn(process.execPath, [bin, '--version'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.on('data', (piece) => {
    stdout += piece
  })
  const [code] = await once(child, 'close')
  const manifest = JSON.parse(
    await readFile(join(fileURLToPath(new URL('../..', import.meta.url)), 'package.json'), 'utf8'),
  ) as { version: string }
  expect([code, stdout]).toEqual([0, `${manifest.version}\n`])
})
