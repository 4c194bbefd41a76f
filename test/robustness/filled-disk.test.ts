import { open, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, type TestContext } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { ashlarHere } from '../cli/ashlar-here.ts'
import { problemIn } from '../http/refused.ts'
import { create, locationIn } from '../fronts/tus/tus-client.ts'
import { request } from '../support/http-request.ts'
import { smallDisk } from '../support/small-disk.ts'
import { ServerProcess } from './server-process.ts'

const KiB = 1024
const MiB = 1024 * KiB
const diskBytes = 24 * MiB
/** An eighth of the disk. */
const reserveBytes = diskBytes / 8
const full = [507, 'no_space']
const ready = { status: 'ready' }

interface Disk {
  readonly store: string
  readonly free: () => Promise<number>
  readonly reserve: () => Promise<number>
  /** Has another program's file take all that is free. */
  readonly fill: () => Promise<void>
  readonly clear: () => Promise<void>
}

async function openDisk(context: TestContext): Promise<Disk> {
  const directory = await smallDisk(diskBytes, context)
  const ballast = join(directory, 'ballast')
  const free = async () => {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  }
  return {
    store: join(directory, 'store'),
    free,
    reserve: () =>
      stat(join(directory, 'store', 'catalog.sqlite.reserve')).then(
        ({ size }) => size,
        () => 0,
      ),
    async fill() {
      const file = await open(ballast, 'a')
      try {
        for (let left = await free(); left > 0; left = await free()) await file.write(Buffer.alloc(left))
      } finally {
        await file.close()
      }
    },
    clear: () => rm(ballast),
  }
}

async function readinessOf(server: ServerProcess): Promise<readonly unknown[]> {
  const answer = await request(server, 'GET', '/readyz')
  return [answer.status, answer.json()]
}

async function expectDeleted(server: ServerProcess, path: string): Promise<void> {
  expect((await request(server, 'DELETE', path)).status).toBe(204)
}

async function stop(server: ServerProcess): Promise<void> {
  await server.terminate()
  expect(await server.exited).toBe(0)
}

it.for([
  ['a stop', '0B', stop],
  ['a kill', '1MiB', (server: ServerProcess) => server.kill()],
] as const)(
  'on a disk that other programs have filled to the last byte, deletion, a start after %s, collection and gc work with --min-free-space %s',
  async ([, minFreeSpace, end], context) => {
    const disk = await openDisk(context)
    const args = ['--min-free-space', minFreeSpace, '--chunk-size', '1MiB', '--collect-grace', '0s']
    const server = await ServerProcess.start(disk.store, [...args, '--collect-interval', '1h'])
    const put = (name: string, size: number, seed: number) =>
      request(server, 'PUT', `/files/${name}`, { body: sampleChunk(size, seed).bytes })
    for (let count = 0; count < 40; count++) expect((await put(`${count}`, 20 * KiB, count)).status).toBe(201)
    for (const name of ['a', 'b']) expect((await put(name, 2 * MiB, name.charCodeAt(0))).status).toBe(201)
    const upload = locationIn(await create(server, { 'Upload-Length': 10 }))
    await expect.poll(disk.reserve).toBe(reserveBytes)

    await disk.fill()
    // What the disk said before counts for a moment.
    await expect.poll(() => readinessOf(server)).toEqual([200, { ...ready, writes: 'no_space' }])
    expect(problemIn(await put('more', KiB, 99))).toEqual(full)
    expect(problemIn(await put('empty', 0, 99))).toEqual(full)
    expect(problemIn(await create(server, { 'Upload-Length': 10 }))).toEqual(full)
    expect(await disk.reserve()).toBe(reserveBytes)

    await Promise.all([0, 1, 2, 3].map((count) => expectDeleted(server, `/files/${count}`)))
    for (let count = 4; count < 20; count++) await expectDeleted(server, `/files/${count}`)
    await expectDeleted(server, `/api${upload}`)
    expect(await disk.reserve()).toBeLessThan(reserveBytes)
    // What is given up is for deletions only.
    expect(problemIn(await put('more', KiB, 99))).toEqual(full)
    await end(server)

    await disk.fill()
    const again = await ServerProcess.start(disk.store, [...args, '--collect-interval', '100ms'])
    await expectDeleted(again, '/files/a')
    await expect.poll(disk.free, { timeout: 15_000 }).toBeGreaterThan(MiB)
    await expectDeleted(again, '/files/20')
    await end(again)

    await disk.fill()
    const gc = await ashlarHere(['gc', '--store', disk.store, '--collect-grace', '0s'])
    expect([gc.code, gc.stderr]).toEqual([0, ''])

    await disk.clear()
    const last = await ServerProcess.start(disk.store, args)
    await expect.poll(disk.reserve).toBe(reserveBytes)
    expect(await readinessOf(last)).toEqual([200, ready])
    const kept = await request(last, 'GET', '/files/b')
    expect(kept.body.equals(sampleChunk(2 * MiB, 'b'.charCodeAt(0)).bytes)).toBe(true)
    await stop(last)
  },
)
