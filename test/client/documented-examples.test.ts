import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { get, MiB, sample } from '../http/sample.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { startTestServer } from '../support/test-server.ts'
import { documentedExamples } from './documented-examples.ts'

it('the documented example for Node does what it says', async () => {
  const { node } = await documentedExamples()
  const server = await startTestServer({ chunkSize: MiB })
  const directory = await temporaryDirectory()
  const bytes = sample(9 * MiB)
  await writeFile(join(directory, 'holiday.mp4'), bytes)
  const client = new URL('../../src/client/node.ts', import.meta.url).href
  const program = node.replace("'ashlar/client'", `'${client}'`).replace('http://127.0.0.1:8080', server.url)
  await writeFile(join(directory, 'example.mjs'), program)
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: directory })
  expect(stdout).toContain(`${bytes.length} of ${bytes.length} bytes`)
  expect((await get(server, 'videos/holiday.mp4')).body.equals(bytes)).toBe(true)
  expect((await readFile(join(directory, 'copy.mp4'))).equals(bytes)).toBe(true)
})
