import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { connectionsThatFit } from '../../../src/http/connections-that-fit.ts'

const run = promisify(execFile)
const source = new URL('../../../src/http/connections-that-fit.ts', import.meta.url).href

it.each([
  [4096, Infinity, 4096],
  [4096, 5376, 4096],
  [4096, 5375, 4095],
  [4096, 1024, 64],
  [10, 1024, 10],
])('of %d connections in a process that may open %d files %d fit', (wanted, openFileLimit, fitting) => {
  expect(connectionsThatFit(wanted, openFileLimit)).toBe(fitting)
})

it.runIf(process.platform === 'linux')('asks the system what the process may open', async () => {
  const script = `import(${JSON.stringify(source)}).then((m) => console.log(m.connectionsThatFit(1e6)))`
  const command = `ulimit -n 3000; exec "$0" --input-type=module -e '${script}'`
  const { stdout } = await run('sh', ['-c', command, process.execPath])
  expect(Number(stdout)).toBe(3000 - 1280)
})
