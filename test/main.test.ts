import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { optionRows } from '../src/config/rows.ts'
import { repeatMs } from '../src/http/server/stop-signal.ts'
import { openStore } from '../src/server/open-stores.ts'
import { defaultSpace } from '../src/model/file.ts'
import { sampleChunk } from './chunks/sample-chunk.ts'
import { head, RawClient } from './robustness/raw-client.ts'
import { readBack } from './robustness/read-back.ts'
import { ServerProcess } from './robustness/server-process.ts'
import { request } from './support/http-request.ts'
import { resolvingEnv } from './support/resolve-to-loopback.ts'
import { temporaryDirectory } from './support/temporary-directory.ts'

const MiB = 1024 * 1024
const { bytes } = sampleChunk(3 * MiB + 1, 1)
/** More than the system takes for a client that does not read. */
const large = sampleChunk(24 * MiB, 2).bytes

const isLinux = process.platform === 'linux'

async function put(server: ServerProcess, name: string, body: Buffer): Promise<void> {
  expect((await request(server, 'PUT', `/files/${name}`, { body })).status).toBe(201)
}

/**
 * Every file of a store that no server has, by its name: to open it in this process is faster than
 * to start another.
 */
async function filesIn(directory: string): Promise<ReadonlyMap<string, Buffer>> {
  const opened = await openStore(['--store', directory], {}, (error) => {
    throw error
  })
  try {
    const { files } = await opened.store.catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
    return new Map(
      await Promise.all(files.map(async ({ name }) => [name, await readBack(opened.store, name)] as const)),
    )
  } finally {
    await opened.close()
  }
}

/** Threads that do what would block the event loop; on Linux only. */
async function workers({ child: { pid } }: ServerProcess): Promise<number | undefined> {
  if (!isLinux) return undefined
  const tasks = await readdir(`/proc/${pid}/task`)
  const names = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/comm`, 'utf8')))
  return names.filter((name) => name.startsWith('libuv-worker')).length
}

describe('a server', () => {
  it('needs no configuration, says where it listens, lets what is in flight finish when told to stop, takes nothing new, and keeps files over a restart', async () => {
    const store = join(await temporaryDirectory(), 'new', 'store')
    const server = await ServerProcess.start(store)
    expect(server.log[0]?.msg).toBe(`Ashlar keeps files in ${store} and listens on ${server.url}`)
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)

    const second = new ServerProcess(['--store', store, '--port', '0'])
    expect(await second.exited).toBe(1)
    expect(second.stdout).toBe('')
    expect(second.stderr).toMatch(/^ashlar: .* is in use: stop the other server first\.\n$/)

    await put(server, 'large', large)
    const idle = await RawClient.open(server.port)
    await idle.send(head('GET /healthz'))
    await idle.answer()
    const download = await RawClient.open(server.port)
    await download.send(head('GET /files/large'))
    await download.receive(1)
    download.socket.pause()
    const upload = await RawClient.open(server.port)
    const half = Math.floor(large.length / 2)
    await upload.send(head('PUT /files/late', `Content-Length: ${large.length}`))
    await upload.send(large.subarray(0, half))

    // A terminal signals npm and the server, and npm passes its signal on: that is one and the
    // same.
    server.child.kill('SIGINT')
    await server.terminate()
    await idle.ended()
    await expect(RawClient.open(server.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect([download.ending, upload.ending]).toEqual([undefined, undefined])
    download.socket.resume()
    expect((await download.answer()).body.equals(large)).toBe(true)
    await upload.send(large.subarray(half))
    expect((await upload.answer()).status).toBe(201)
    expect(await server.exited).toBe(0)
    expect(server.log.at(-1)?.msg).toBe('stopped')
    expect(server.stderr).toBe('')

    const again = await ServerProcess.start(store)
    for (const name of ['large', 'late']) {
      expect((await request(again, 'GET', `/files/${name}`)).body.equals(large)).toBe(true)
    }
  })

  it('is called what its options say, and has more threads for more uploads', async () => {
    const options = ['--public-url', 'https://files.example/a', '--allowed-hosts', 'nas,*.lan']
    const args = [
      ...options,
      '--trusted-proxies',
      '127.0.0.1',
      '--host',
      'here.example',
      '--allow-unauthenticated',
      '--max-upload-concurrency',
      '8',
    ]
    const store = join(await temporaryDirectory(), 'store')
    const server = await ServerProcess.start(store, args, resolvingEnv('here.example'))
    const send = (headers: Readonly<Record<string, string>>) =>
      request(server, 'PUT', '/files/some', { headers, body: 'x' })
    const stored = await send({ Host: 'x.lan', 'X-Forwarded-Host': 'nas' })
    expect(stored.status).toBe(201)
    expect(stored.headers.location).toMatch(/^https:\/\/files\.example\/a\/files\/@/)
    expect((await send({ Host: `here.example:${server.port}` })).status).toBe(200)
    expect((await send({ Host: 'other' })).status).toBe(421)
    expect((await send({ 'X-Forwarded-Host': 'other' })).status).toBe(421)
    expect(await workers(server)).toBe(isLinux ? 30 : undefined)
  })

  it('that is told to stop cuts off what is not done in time', async () => {
    const store = join(await temporaryDirectory(), 'store')
    const server = await ServerProcess.start(store, ['--shutdown-timeout', '100ms'])
    await put(server, 'large', large)
    const download = await RawClient.open(server.port)
    await download.send(head('GET /files/large'))
    await download.receive(1)
    download.socket.pause()
    const upload = await RawClient.open(server.port)
    await upload.send(head('PUT /files/never', `Content-Length: ${large.length}`))
    await upload.send(bytes)
    await server.terminate()
    expect(await server.exited).toBe(0)
    expect(server.stderr).toBe('')
    expect(server.log.filter(({ level }) => level >= 50)).toEqual([])
    download.socket.resume()
    await Promise.all([download.ended(), upload.ended()])

    expect([...(await filesIn(store)).keys()]).toEqual(['large'])
  })
})

it('a server that is stopping ends at once on a later signal, and says so', async () => {
  const server = await ServerProcess.start(join(await temporaryDirectory(), 'store'))
  await put(server, 'large', large)
  const download = await RawClient.open(server.port)
  await download.send(head('GET /files/large'))
  await download.receive(1)
  download.socket.pause()
  await server.terminate()
  // Just one: another would meet the process on its way out, when it no longer handles signals.
  await sleep(repeatMs + 100)
  server.child.kill('SIGINT')
  expect(await server.exited).toBe(130)
  expect(server.log.at(-1)).toMatchObject({ signal: 'SIGINT', level: 40 })
})

describe('a server that is killed', () => {
  it('has kept all that it acknowledged, and nothing by halves', async () => {
    const store = join(await temporaryDirectory(), 'store')
    const tried = new Map<string, Buffer[]>()
    const acknowledged = new Map<string, number>()
    let seed = 0

    /** Puts new files, and one again and again, until the server is gone. */
    const putOn = async (server: ServerProcess, writer: number, onPut: () => void) => {
      for (;;) {
        seed += 1
        const name = seed % 3 === 0 ? `again-${writer}` : `new-${seed}`
        const { bytes: body } = sampleChunk(1 + ((seed * 77_777) % 400_000), seed)
        const tries = tried.get(name) ?? []
        tried.set(name, tries)
        tries.push(body)
        const which = tries.length - 1
        try {
          const { status } = await request(server, 'PUT', `/files/${name}`, { body })
          expect([200, 201]).toContain(status)
        } catch (error) {
          if (error instanceof Error && 'code' in error) return
          throw error
        }
        acknowledged.set(name, which)
        onPut()
      }
    }

    const server = await ServerProcess.start(store, ['--chunk-size', '64KiB'])
    let puts = 0
    const killed = Promise.withResolvers<void>()
    const writers = Array.from({ length: 6 }, (_, writer) =>
      putOn(server, writer, () => {
        puts += 1
        if (puts === 20) killed.resolve(server.kill())
      }),
    )
    await Promise.all([killed.promise, ...writers])
    const files = await filesIn(store)
    expect([...files.keys()]).toEqual(expect.arrayContaining([...acknowledged.keys()]))
    for (const [name, body] of files) {
      const which = tried.get(name)!.findIndex((one) => one.equals(body))
      expect(which).toBeGreaterThanOrEqual(acknowledged.get(name) ?? 0)
    }
  })
})

// Which arguments are refused, and with what: test/config.test.ts; which stores and ports:
// test/drivers/refused-starts.test.ts.
it.each([
  { args: ['--nonsense'], env: {}, says: '--nonsense' },
  { args: [], env: { ASHLAR_PORT: 'x' }, says: 'ASHLAR_PORT' },
])('is refused with one line: $args with $env', async ({ args, env, says }) => {
  const server = new ServerProcess(args, env)
  expect(await server.exited).toBe(2)
  expect(server.stdout).toBe('')
  expect(server.stderr).toMatch(new RegExp(`^.*${says}.*\n$`))
})

it('prints every option on request', async () => {
  const server = new ServerProcess(['--help'])
  expect(await server.exited).toBe(0)
  for (const { flag, variable } of optionRows) {
    expect(server.stdout).toContain(flag)
    expect(server.stdout).toContain(variable)
  }
  expect(server.stderr).toBe('')
})

it('exits when a thread of its catalog dies, and says why', async () => {
  const directory = await temporaryDirectory()
  const sign = join(directory, 'die')
  // Threads load it, too: each ends once the file is there, as one that has run out of memory does.
  const preload = `
    import { existsSync } from 'node:fs'
    import { isMainThread } from 'node:worker_threads'
    if (!isMainThread) setInterval(() => existsSync(${JSON.stringify(sign)}) && process.exit(1), 5).unref()`
  const nodeOptions = `--import data:text/javascript,${encodeURIComponent(preload)}`
  const server = await ServerProcess.start(join(directory, 'store'), [], { NODE_OPTIONS: nodeOptions })
  await writeFile(sign, '')
  expect(await server.exited).toBe(1)
  expect(server.log.at(-1)).toMatchObject({ level: 60 })
})

it('starts with a variable that it does not know, which it names, and with as many threads as it is told', async () => {
  const store = join(await temporaryDirectory(), 'store')
  const server = await ServerProcess.start(store, [], { ASHLAR_PROT: '1', UV_THREADPOOL_SIZE: '9' })
  expect(server.stderr).toMatch(/^ashlar: .*ASHLAR_PROT.*\n$/)
  await put(server, 'some', bytes)
  expect(await workers(server)).toBe(isLinux ? 9 : undefined)
})
