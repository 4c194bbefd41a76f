import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { problemIn, type Refusal } from '../http/refused.ts'
import { request } from '../support/http-request.ts'
import type { CatalogFault } from '../support/faulty-catalog.ts'
import type { Fault, FaultyMethod } from '../support/faulty.ts'
import { expectNoLeftovers } from './expect-no-leftovers.ts'
import { changingRequests, contentsNow } from './faulted-requests.ts'
import { openFaultyServer, type Faults, type FaultyServer } from './faulty-server.ts'

type Kind = 'refuse' | 'lose-reply' | 'no-space' | 'tear' | 'fail-sync'
type Plan = (faults: Faults) => void
/**
 * What goes wrong on the left; the answer, and whether the request has had its effect, on the
 * right.
 */
type Row = readonly [name: string, plan: Plan, answer: Refusal, state: 'before' | 'after']

const chunks = (on: FaultyMethod, call: number, kind: Kind): readonly [string, Plan] => [
  `chunks: ${on} ${call}, ${kind}`,
  (faults) => faults.chunks.replan([{ on, call, kind } as Fault]),
]
const manifests = (on: FaultyMethod, call: number, kind: Kind): readonly [string, Plan] => [
  `manifests: ${on} ${call}, ${kind}`,
  (faults) => faults.manifests.replan([{ on, call, kind } as Fault]),
]
const catalog = (
  on: CatalogFault['on'],
  call: number,
  kind: CatalogFault['kind'],
): readonly [string, Plan] => [
  `catalog: ${on} ${call}, ${kind}`,
  (faults) => faults.catalog.replan([{ on, call, kind }]),
]

const unavailable: Refusal = [503, 'unavailable']
const full: Refusal = [507, 'no_space']

/** Of the bytes of the second chunk, and of the page that tells of them. */
const storing: readonly Row[] = [
  [...chunks('put', 2, 'lose-reply'), unavailable, 'before'],
  [...chunks('put', 2, 'no-space'), full, 'before'],
  [...manifests('put', 1, 'lose-reply'), unavailable, 'before'],
  [...manifests('put', 1, 'no-space'), full, 'before'],
]

/** In whatever way a store fails: the same for all that store anything. */
const failing: readonly Row[] = (['refuse', 'tear', 'fail-sync'] as const).flatMap((kind) => [
  [...chunks('put', 2, kind), unavailable, 'before'],
  [...manifests('put', 1, kind), unavailable, 'before'],
])

/**
 * The file is there by then, and its predecessor has a manifest that must go before anybody hears
 * of that.
 */
const replacing: readonly Row[] = [
  [...manifests('delete', 1, 'refuse'), unavailable, 'after'],
  [...manifests('delete', 1, 'lose-reply'), unavailable, 'after'],
]

function committing(on: CatalogFault['on']): readonly Row[] {
  return [
    [...catalog(on, 1, 'refuse'), unavailable, 'before'],
    [...catalog(on, 1, 'no-space'), full, 'before'],
    [...catalog(on, 1, 'lose-reply'), unavailable, 'after'],
  ]
}

/** The upload has it, or not: nobody can find a file before it is whole. */
function advancing(on: CatalogFault['on'], call: number): readonly Row[] {
  return [
    [...catalog(on, call, 'refuse'), unavailable, 'before'],
    [...catalog(on, call, 'no-space'), full, 'before'],
    [...catalog(on, call, 'lose-reply'), unavailable, 'before'],
  ]
}

const rows: Readonly<Record<keyof typeof changingRequests, readonly Row[]>> = {
  PUT: [
    ...storing,
    ...failing,
    [...catalog('findChunk', 2, 'refuse'), unavailable, 'before'],
    ...committing('createFile'),
    ...replacing,
  ],
  'long PUT': [
    [...catalog('createUpload', 1, 'lose-reply'), unavailable, 'before'],
    [...catalog('advanceUpload', 1, 'lose-reply'), unavailable, 'before'],
    [...catalog('advanceUpload', 2, 'refuse'), unavailable, 'before'],
    [...catalog('packChunks', 1, 'refuse'), unavailable, 'before'],
    ...committing('finishUploads'),
  ],
  form: [
    ...storing,
    ...advancing('createUpload', 2),
    ...advancing('advanceUpload', 2),
    [...manifests('put', 2, 'refuse'), unavailable, 'before'],
    ...committing('finishUploads'),
    ...replacing,
  ],
  'last PATCH of tus': [
    ...storing,
    [...catalog('findUpload', 1, 'refuse'), unavailable, 'before'],
    ...advancing('advanceUpload', 1),
    ...committing('finishUploads'),
    ...replacing,
  ],
  rename: [
    [...catalog('findFile', 1, 'refuse'), unavailable, 'before'],
    [...catalog('listManifestPages', 1, 'refuse'), unavailable, 'before'],
    [...catalog('packChunks', 1, 'refuse'), unavailable, 'before'],
    [...manifests('put', 1, 'lose-reply'), unavailable, 'before'],
    [...manifests('put', 1, 'no-space'), full, 'before'],
    ...committing('updateFile'),
    ...replacing,
  ],
  DELETE: [...committing('deleteFile'), ...replacing],
}

let server: FaultyServer
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  server = await openFaultyServer(directory, { isInMemory: true })
  return async () => {
    await server.stop()
    await rm(directory, { recursive: true })
  }
})

function nothingPlanned(): void {
  for (const part of Object.values(server.faults)) part.replan([])
}

/** Ends what there is, and is sure that nothing of it stays. */
afterEach(async () => {
  nothingPlanned()
  for (const name of ['one', 'two', 'renamed']) await request(server, 'DELETE', `/files/${name}`)
  const { catalog: all } = server.faults
  for (const { id } of await all.listExpiredUploads(Infinity, 100)) await all.deleteUpload(id)
  await expectNoLeftovers(server.store)
})

describe.each(Object.entries(rows))('%s', (kind, ofKind) => {
  const changing = changingRequests[kind as keyof typeof rows]
  const { before, after } = changing

  it.each(ofKind)('%s', async (_, plan, answer, state) => {
    const send = await changing.prepare(server)
    plan(server.faults)
    expect(problemIn(await send())).toEqual(answer)
    nothingPlanned()
    expect(await contentsNow(server, Object.keys(before))).toEqual(state === 'before' ? before : after)
    await expectNoLeftovers(server.store)
    await changing.again(server)
    expect(await contentsNow(server, Object.keys(after))).toEqual(after)
    await expectNoLeftovers(server.store)
  })
})

it('chunks that are stored late, and in another order, make the same file', async () => {
  const changing = changingRequests.PUT
  const send = await changing.prepare(server)
  server.faults.chunks.replan([{ on: 'put', call: 1, kind: 'delay', ms: 20 }])
  expect((await send()).status).toBe(200)
  expect(await contentsNow(server, ['one'])).toEqual(changing.after)
})

it('a chunk that is damaged as it is stored is never sent, and mended by who puts it again', async () => {
  const changing = changingRequests.PUT
  const send = await changing.prepare(server)
  server.faults.chunks.replan([{ on: 'put', call: 1, kind: 'flip-bit' }])
  expect((await send()).status).toBe(200)
  nothingPlanned()
  expect(problemIn(await request(server, 'GET', '/files/one'))).toEqual([500, 'corrupt'])
  expect((await changing.again(server)).status).toBe(200)
  expect(await contentsNow(server, ['one'])).toEqual(changing.after)
})
