import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { planOpenFiles } from '../src/server/process-limits.ts'
import { sampleChunk } from './chunks/sample-chunk.ts'
import { head, RawClient } from './robustness/raw-client.ts'
import { ServerProcess } from './robustness/server-process.ts'
import { request } from './support/http-request.ts'
import { temporaryDirectory } from './support/temporary-directory.ts'

const run = promisify(execFile)
const source = new URL('../src/system/open-file-limit.ts', import.meta.url).href
const wanted = { maxConnections: 4096, maxUploadConcurrency: 4, maxDownloadConcurrency: 32 }
const keepsAll = { surplusConnections: 256, keptFiles: 128, keepsDirectories: true }

describe('a process that may open', () => {
  it.each([
    ['any number of files', Infinity, 4096],
    ['5376 files', 5376, 4096],
    ['5375 files', 5375, 4095],
    ['2048 files', 2048, 768],
  ])('%s gives up connections first', (_, limit, maxConnections) => {
    expect(planOpenFiles(wanted, limit)).toEqual({ ...keepsAll, maxConnections })
  })

  it.each([2047, 1024, 600, 256, 160])('%d files keeps few open, and plans for no more', (limit) => {
    const plan = planOpenFiles(wanted, limit)
    const { maxConnections, surplusConnections, keptFiles } = plan
    expect(plan.keepsDirectories).toBe(false)
    expect(maxConnections).toBeGreaterThanOrEqual(16)
    expect(maxConnections + surplusConnections + 2 * keptFiles).toBeLessThanOrEqual(limit - 100)
  })

  it('few files takes no more connections than it is told', () => {
    expect(planOpenFiles({ ...wanted, maxConnections: 10 }, 1024).maxConnections).toBe(10)
  })
})

describe.runIf(process.platform === 'linux')('ulimit -n', () => {
  it('is what the system says', async () => {
    const script = `import(${JSON.stringify(source)}).then((m) => console.log(m.openFileLimit()))`
    const command = `ulimit -n 3000; exec "$0" --input-type=module -e '${script}'`
    const { stdout } = await run('sh', ['-c', command, process.execPath])
    expect(Number(stdout)).toBe(3000)
  })

  it('600 is enough for 400 uploads at once on as many connections', async () => {
    const store = join(await temporaryDirectory(), 'store')
    const server = await ServerProcess.start(store, [], {}, { openFiles: 600 })
    const { bytes } = sampleChunk(70_000, 1)
    const clients = await Promise.all(Array.from({ length: 400 }, () => RawClient.open(server.port)))
    // All have begun before one has ended.
    await Promise.all(
      clients.map((client, index) =>
        client.send(head(`PUT /files/${index}`, `Content-Length: ${bytes.length}`)),
      ),
    )
    await Promise.all(clients.map((client) => client.send(bytes)))
    const statuses = await Promise.all(clients.map(async (client) => (await client.answer()).status))
    expect(statuses.filter((status) => status !== 201)).toEqual([])
    for (const client of clients) client.socket.destroy()
    expect((await request(server, 'GET', '/files/399')).body.equals(bytes)).toBe(true)
  })

  it('128 is enough to start, store and read', async () => {
    const store = join(await temporaryDirectory(), 'store')
    const server = await ServerProcess.start(store, [], {}, { openFiles: 128 })
    expect((await request(server, 'PUT', '/files/a', { body: 'a' })).status).toBe(201)
    expect((await request(server, 'GET', '/files/a')).body.toString()).toBe('a')
  })
})
