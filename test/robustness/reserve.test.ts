import { rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { beforeEach, expect, it } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { ashlarHere } from '../cli/ashlar-here.ts'
import { problemIn } from '../http/refused.ts'
import { create, locationIn, offsetOf, patch } from '../fronts/tus/tus-client.ts'
import { request, type Answer } from '../support/http-request.ts'
import { smallDisk } from '../support/small-disk.ts'
import { ServerProcess } from './server-process.ts'

const KiB = 1024
const MiB = 1024 * KiB
const reserve = 12 * MiB
const args = [
  '--min-free-space',
  '12MiB',
  '--chunk-size',
  '1MiB',
  '--collect-grace',
  '0s',
  '--collect-interval',
  '200ms',
]
const full = [507, 'no_space']

let directory: string

/** A real disk, on which all that a server keeps is. */
beforeEach(async (context) => {
  directory = await smallDisk(32 * MiB, context)
})

async function freeOnDisk(): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

const start = () => ServerProcess.start(join(directory, 'store'), args)

/**
 * What was refused may have met an estimate of what was just written: the disk itself is full when
 * no upload can begin.
 */
async function expectToBecomeFull(server: ServerProcess): Promise<void> {
  let ready: Answer
  do {
    const created = await create(server, { 'Upload-Defer-Length': 1 })
    if (created.status !== 201) expect(problemIn(created)).toEqual(full)
    ready = await request(server, 'GET', '/readyz')
  } while (isDeepStrictEqual(ready.json(), { status: 'ready' }))
  expect([ready.status, ready.json()]).toEqual([200, { status: 'ready', writes: 'no_space' }])
}

async function expectToBeEmptied(server: ServerProcess, paths: readonly string[]): Promise<void> {
  await expectToBecomeFull(server)
  // What is deleted and collected needs space itself, and so does a start.
  await server.terminate()
  expect(await server.exited).toBe(0)
  const again = await start()
  for (const path of paths) expect((await request(again, 'DELETE', path)).status).toBe(204)
  await expect.poll(freeOnDisk, { interval: 50 }).toBeGreaterThan(reserve + 2 * MiB)
  expect((await request(again, 'PUT', '/files/after', { body: 'after' })).status).toBe(201)
  await again.terminate()
  expect(await again.exited).toBe(0)
  const gc = await ashlarHere(['gc', '--store', join(directory, 'store')])
  expect([gc.code, gc.stderr]).toEqual([0, ''])
  await rm(join(directory, 'store'), { recursive: true })
}

it('an upload of unknown length cannot take the last of the disk, so what fills it can be deleted', async () => {
  const server = await start()
  for (let count = 0; count < 20; count++) {
    const body = sampleChunk(20 * KiB, count).bytes
    expect((await request(server, 'PUT', `/files/${count}`, { body })).status).toBe(201)
  }
  const path = locationIn(await create(server, { 'Upload-Defer-Length': 1 }))
  let offset = 0
  let seed = 100
  for (const size of [2 * MiB, 300 * KiB, 30 * KiB, KiB]) {
    let answer: Answer
    while ((answer = await patch(server, path, offset, sampleChunk(size, seed++).bytes)).status === 204) {
      offset = Number(answer.headers['upload-offset'])
    }
    expect(problemIn(answer)).toEqual(full)
    offset = (await offsetOf(server, path))!
  }
  expect(offset).toBeGreaterThan(4 * MiB)
  expect(await freeOnDisk()).toBeGreaterThan(reserve - MiB)
  await expectToBeEmptied(server, ['/files/3', '/files/4', `/api${path}`])
})

it('uploads with long metadata cannot take the last of the disk, so they can be deleted', async () => {
  const server = await start()
  const paths: string[] = []
  const value = Buffer.alloc(2000, 'x').toString('base64')
  const metadata = [1, 2, 3, 4, 5].map((number) => `key${number} ${value}`).join()
  let refusal: readonly unknown[] | undefined
  while (!refusal) {
    const answers = await Promise.all(
      Array.from({ length: 32 }, () =>
        create(server, { 'Upload-Defer-Length': 1, 'Upload-Metadata': metadata }),
      ),
    )
    for (const answer of answers) {
      if (answer.status === 201) paths.push(locationIn(answer))
      else refusal = problemIn(answer)
    }
  }
  expect(refusal).toEqual(full)
  // The log of the catalog grows to some megabytes before it is used again.
  expect(await freeOnDisk()).toBeGreaterThan(reserve - 6 * MiB)
  for (const path of paths) expect((await request(server, 'DELETE', `/api${path}`)).status).toBe(204)
  expect((await request(server, 'GET', '/readyz')).status).toBe(200)
})
