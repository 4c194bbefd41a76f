import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { findOrphans } from '../../src/files/upkeep/find-orphans.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { infoIn, sample, type FileInfo } from '../http/sample.ts'
import { idIn, givenUpload, offsetOf, patch } from '../fronts/tus/tus-client.ts'
import { openRequest, request, type Answer } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { CephCluster } from './ceph-cluster.ts'
import type { ClusterNode } from './cluster-node.ts'
import { PostgresServer } from './postgres-server.ts'
import { S3Bucket } from './s3-bucket.ts'
import { Site } from './site.ts'
import { until } from './until.ts'

const ceph = new CephCluster(inject('ceph'))
const chunkBytes = 64 * 1024
const smallChunks = ['--chunk-size', '64KiB']
/**
 * Nodes tell each other what they count on every ten seconds, and as often try to become the
 * leader.
 */
const meetingTimeoutMs = 40_000

let bucket: S3Bucket
let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start()
  bucket = await S3Bucket.create(ceph, 'several-nodes')
})
afterAll(async () => {
  bucket.close()
  await postgres.stop()
})

const newSite = () => Site.create(ceph, bucket, postgres)

/**
 * A body whose first half is sent at once, and the rest when all that take part have come so far.
 */
function bodiesTogether(contents: readonly Buffer[]): readonly AsyncIterable<Buffer>[] {
  const { promise: together, resolve } = Promise.withResolvers<void>()
  let begun = 0
  return contents.map(async function* (bytes) {
    const half = Math.floor(bytes.length / 2)
    yield bytes.subarray(0, half)
    begun++
    if (begun === contents.length) resolve()
    await together
    yield bytes.subarray(half)
  })
}

/**
 * The answer that is a success, by the place of its request, of which there must be one; the others
 * must have this status and code.
 */
function winnerOf(answers: readonly Answer[], status: number, code: string): number {
  const won = answers.flatMap((answer, index) => (answer.status < 300 ? [index] : []))
  expect(won).toHaveLength(1)
  const others = answers.filter((_, index) => index !== won[0])
  expect(others.map((answer) => [answer.status, answer.json()])).toMatchObject(
    others.map(() => [status, { code }]),
  )
  return won[0]!
}

async function contentAt(node: ClusterNode, ref: string): Promise<Buffer> {
  const answer = await request(node, 'GET', `/files/${ref}`)
  expect(answer.status).toBe(200)
  return answer.body
}

function collectedBy(node: ClusterNode): number {
  return node.count('collected garbage')
}

/** Has an upload expire. Resolves when somebody has collected it. */
async function expire(node: ClusterNode): Promise<void> {
  const path = await givenUpload(node, { 'Upload-Length': 1 })
  const isGone = async () => (await offsetOf(node, path)) === undefined
  await until('the upload is collected', meetingTimeoutMs, isGone)
}

/** A request whose body has begun and ends when it is told to. */
function heldPut(node: ClusterNode, name: string, bytes: Buffer) {
  const { promise: rest, resolve: finish } = Promise.withResolvers<void>()
  const body = async function* () {
    yield bytes.subarray(0, bytes.length - 1)
    await rest
    yield bytes.subarray(bytes.length - 1)
  }
  const answer = request(node, 'PUT', `/files/${name}`, { body: body() })
  return { answer, finish }
}

describe('three nodes', () => {
  it('serve each other’s files, and go on with each other’s uploads', async () => {
    const site = await newSite()
    const [a, b, c] = await Promise.all([site.startNode(), site.startNode(), site.startNode()])
    const bytes = sample(9 * blockBytes)
    const { id, etag } = infoIn(await request(a, 'PUT', '/files/n', { body: bytes }))
    for (const node of [a, b, c]) expect((await contentAt(node, 'n')).equals(bytes)).toBe(true)
    const part = await request(c, 'GET', '/files/n', {
      headers: { Range: `bytes=${blockBytes}-`, 'If-Range': etag },
    })
    expect([part.status, part.body.equals(bytes.subarray(blockBytes))]).toEqual([206, true])

    const path = await givenUpload(a, { 'Upload-Length': bytes.length })
    for (const [index, node] of [b, c, a].entries()) {
      const from = index * 3 * blockBytes
      expect(await offsetOf(node, path)).toBe(from)
      expect((await patch(node, path, from, bytes.subarray(from, from + 3 * blockBytes))).status).toBe(204)
    }
    expect((await contentAt(b, `@${idIn(path)}`)).equals(bytes)).toBe(true)

    expect((await request(b, 'DELETE', '/files/n')).status).toBe(204)
    for (const node of [a, b, c]) expect((await request(node, 'GET', `/files/@${id}`)).status).toBe(404)
  })
})

describe('two nodes', () => {
  it('that are sent the same upload have one winner, and one that is told to look', async () => {
    const site = await newSite()
    const nodes = await Promise.all([site.startNode(...smallChunks), site.startNode(...smallChunks)])
    for (let round = 0; round < 5; round++) {
      const contents = nodes.map(() => sample(4 * chunkBytes))
      const path = await givenUpload(nodes[round % 2]!, { 'Upload-Length': 4 * chunkBytes })
      const bodies = bodiesTogether(contents)
      const answers = await Promise.all(nodes.map((node, index) => patch(node, path, 0, bodies[index])))
      const winner = winnerOf(answers, 409, 'offset_conflict')
      for (const node of nodes)
        expect((await contentAt(node, `@${idIn(path)}`)).equals(contents[winner]!)).toBe(true)
    }
    await Promise.all(nodes.map((node) => node.stop()))
    await site.expectNoLeaks()
  })

  it('that are sent the same name on a condition have one winner, and one for whom it does not hold', async () => {
    const site = await newSite()
    const nodes = await Promise.all([site.startNode(...smallChunks), site.startNode(...smallChunks)])
    for (let round = 0; round < 5; round++) {
      const name = `n${round}`
      const race = async (headers: Readonly<Record<string, string>>) => {
        const contents = nodes.map(() => sample(2 * chunkBytes))
        const bodies = bodiesTogether(contents)
        const answers = await Promise.all(
          nodes.map((node, index) =>
            request(node, 'PUT', `/files/${name}`, { headers, body: bodies[index]! }),
          ),
        )
        const winner = winnerOf(answers, 412, 'precondition_failed')
        for (const node of nodes) expect((await contentAt(node, name)).equals(contents[winner]!)).toBe(true)
        return infoIn(answers[winner]!)
      }
      const { etag } = await race({ 'If-None-Match': '*' })
      await race({ 'If-Match': etag })
    }
    await Promise.all(nodes.map((node) => node.stop()))
    await site.expectNoLeaks()
  })

  it('have a file that is deleted at one stay until the other has sent it', async () => {
    const site = await newSite()
    const [sender, deleter] = await Promise.all([site.startNode(), site.startNode()])
    const collector = await site.join()
    const bytes = sample(64 * blockBytes)
    const { id } = infoIn(await request(deleter, 'PUT', '/files/n', { body: bytes }))
    const stored = await site.locations()
    const { response } = await openRequest(sender, 'GET', '/files/n')
    const [first] = (await once(response, 'readable').then(() => [response.read()])) as [Buffer]
    expect((await request(deleter, 'DELETE', '/files/n')).status).toBe(204)
    const deletedAt = Date.now()
    // It has not said so, but it might send it.
    await collectGarbage(collector)
    expect(await site.locations()).toEqual(stored)

    const haveAllMet = async (inUse: readonly string[]) => {
      const rows = await site.query<{ in_use: string[]; is_later: boolean }>(
        `select in_use, lookups_since > ${deletedAt} as is_later from nodes`,
      )
      expect(rows).toHaveLength(3)
      return (
        rows.every(({ is_later }) => is_later) && String(rows.flatMap((row) => row.in_use)) === String(inUse)
      )
    }
    await until('the nodes have met', meetingTimeoutMs, () => haveAllMet([id]))
    await collectGarbage(collector)
    expect(await site.locations()).toEqual(stored)
    const rest = await buffer(response)
    expect(Buffer.concat([first, rest]).equals(bytes)).toBe(true)

    await until('the nodes have met again', meetingTimeoutMs, () => haveAllMet([]))
    await collectGarbage(collector)
    expect(await site.locations()).toEqual([])
  })

  it('look after the store one at a time, and the other does when the first is killed', async () => {
    const site = await newSite()
    const eager = ['--collect-interval', '50ms', '--upload-expiry', '500ms', '--max-clock-skew', '0ms']
    const nodes = await Promise.all([site.startNode(...eager), site.startNode(...eager)])
    for (let again = 0; again < 5; again++) await expire(nodes[again % 2]!)
    await until('that is logged', 20_000, async () => nodes.some((node) => collectedBy(node) === 5))
    const [first, other] = collectedBy(nodes[0]) > 0 ? nodes : [nodes[1], nodes[0]]
    expect([collectedBy(first), collectedBy(other)]).toEqual([5, 0])
    await first.kill()
    await expire(other)
    await until('that is logged', 20_000, async () => collectedBy(other) === 1)
  })
})

describe('what was put and is not committed', () => {
  it('stays while its node lives, and is found and deleted by another when that was killed', async () => {
    const site = await newSite()
    const node = await site.startNode(...smallChunks)
    const collector = await site.join()
    const [kept, lost] = [sample(3 * chunkBytes), sample(3 * chunkBytes)]
    const putBytes = async (bytes: Buffer, name: string, count: number) => {
      const held = heldPut(node, name, bytes)
      await until('chunks are put', 10_000, async () => (await site.locations()).length === count)
      return held
    }
    const { answer, finish } = await putBytes(kept, 'kept', 2)
    const ofKept = await site.locations()
    const collect = async () => {
      const { orphans } = await findOrphans(collector)
      return { orphans, ...(await collectGarbage(collector)) }
    }
    // The collector knows nothing of them, but that somebody may.
    expect(await collect()).toMatchObject({ orphans: 2, chunks: 0 })
    expect(await site.locations()).toEqual(ofKept)
    finish()
    expect((await answer).status).toBe(201)
    expect(await collect()).toMatchObject({ orphans: 0, chunks: 0 })
    expect((await contentAt(node, 'kept')).equals(kept)).toBe(true)

    const inUse = await site.locations()
    const { answer: never } = await putBytes(lost, 'lost', 5)
    await Promise.all([node.kill(), expect(never).rejects.toThrow(/ECONNRESET|socket hang up/)])
    expect(await collect()).toMatchObject({ orphans: 2, chunks: 0 })
    await site.forgetTheDead()
    expect(await collect()).toMatchObject({ orphans: 0, chunks: 2 })
    expect(await site.locations()).toEqual(inUse)
    const another = await site.startNode()
    expect((await contentAt(another, 'kept')).equals(kept)).toBe(true)
  })
})

describe('commands over a bucket and PostgreSQL', () => {
  it('check, collect, export, and make a new catalog in another schema', async () => {
    const site = await newSite()
    const node = await site.startNode()
    const contents = new Map([
      ['a/one', sample(10)],
      ['a/two', sample(9 * blockBytes)],
      ['b', sample(0)],
    ])
    const infos: FileInfo[] = []
    for (const [name, body] of contents)
      infos.push(infoIn(await request(node, 'PUT', `/files/${name}`, { body })))
    await request(node, 'PUT', '/files/gone', { body: sample(20) })
    await request(node, 'DELETE', '/files/gone')

    const all = '3 files, 0 uploads, 4 chunks'
    expect(await site.run('fsck')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(`^${all}`),
      stderr: '',
    })
    expect(await site.run('gc', '--dry-run')).toMatchObject({ code: 0, stderr: '' })
    await until('the node leads', meetingTimeoutMs, async () => (await site.run('gc')).code === 2)
    expect(await site.run('gc')).toMatchObject({
      stdout: '',
      stderr: `ashlar: A server looks after ${site.store} at the moment (a running server collects by itself every --collect-interval; --dry-run works beside it)\n`,
    })
    const directory = await temporaryDirectory()
    expect(await site.run('export', '--to', directory)).toMatchObject({ code: 0, stderr: '' })
    for (const [name, bytes] of contents)
      expect((await readFile(join(directory, name))).equals(bytes)).toBe(true)

    await node.stop()
    expect(await site.run('gc')).toMatchObject({ code: 0, stderr: '' })
    const rebuilt = await site.withFreshCatalog()
    expect(await rebuilt.run('rebuild')).toMatchObject({
      code: 0,
      stdout: 'a new catalog: 3 files from 3 manifests\n',
    })
    expect(await rebuilt.run('rebuild')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^ashlar: .+\n$/),
    })
    const again = await rebuilt.startNode()
    for (const [index, [name, bytes]] of [...contents].entries()) {
      expect((await contentAt(again, name)).equals(bytes)).toBe(true)
      const shown = await request(again, 'GET', `/api/files/${name}`)
      expect(infoIn(shown)).toEqual(infos[index])
    }
    await again.stop()
    await rebuilt.expectNoLeaks()
  })
})
