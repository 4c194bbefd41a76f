import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { infoIn } from '../http/sample.ts'
import { givenUpload, idIn, metadata } from '../fronts/tus/tus-client.ts'
import { request } from '../support/http-request.ts'
import { CephCluster } from './ceph-cluster.ts'
import { Mishaps } from './mishaps.ts'
import { MortalNodes } from './mortal-nodes.ts'
import { PostgresServer } from './postgres-server.ts'
import { S3Bucket } from './s3-bucket.ts'
import { Site } from './site.ts'
import { fetchAcross, sendAcross, sha256Of, type TransferReport } from './transfers.ts'

const ceph = new CephCluster(inject('ceph'))
/** More of it takes longer, and meets each mishap further on. */
const size = Number(process.env['SURVIVES_MIB'] ?? 256) * 1024 * 1024

let bucket: S3Bucket
let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start()
  bucket = await S3Bucket.create(ceph, 'survives')
})
afterAll(async () => {
  bucket.close()
  await postgres.stop()
})

async function restartPostgres(): Promise<void> {
  await postgres.halt('immediate')
  await postgres.resume()
}

async function restartGateway(): Promise<void> {
  await ceph.killGateway()
  await ceph.startGateway()
}

/**
 * Everything that nodes rest on fails once, and each of three nodes in its turn, one of them while
 * there is an OSD less.
 */
function allMishaps(nodes: MortalNodes, osd: number): Mishaps {
  const inOrder = [
    () => nodes.replace(),
    () => ceph.killOsd(osd),
    () => nodes.replace(),
    restartPostgres,
    () => ceph.startOsd(osd),
    () => nodes.replace(),
    restartGateway,
  ]
  return new Mishaps(
    inOrder.map((happen, index) => ({ at: ((index + 0.5) / inOrder.length) * size, happen })),
  )
}

/** Files that clients put meanwhile, and do not put again when that fails. */
class SmallFiles {
  readonly #nodes: MortalNodes
  readonly #acknowledged: string[] = []
  #failed = 0

  constructor(nodes: MortalNodes) {
    this.#nodes = nodes
  }

  async put(): Promise<void> {
    const name = `small/${this.#acknowledged.length + this.#failed}`
    const answer = await request(this.#nodes.next(), 'PUT', `/files/${name}`, { body: name }).catch(
      () => undefined,
    )
    if (answer?.status === 201) this.#acknowledged.push(name)
    else this.#failed++
  }

  get acknowledged(): readonly string[] {
    return this.#acknowledged
  }
}

function report(doing: string, { seconds, interruptions }: TransferReport): void {
  const rate = (size / 1024 / 1024 / seconds).toFixed(0)
  console.log(`${doing}: ${seconds.toFixed(0)} s, ${rate} MiB/s, interrupted by ${interruptions.join(', ')}`)
}

it(
  'an upload and a download outlive nodes, an OSD, PostgreSQL and the gateway, and nothing is lost or left over',
  { timeout: 1_200_000 },
  async () => {
    const site = await Site.create(ceph, bucket, postgres)
    const nodes = await MortalNodes.start(site, 3)
    const file = { content: 'a long file', size }
    const small = new SmallFiles(nodes)
    const path = await givenUpload(nodes.next(), {
      'Upload-Length': size,
      'Upload-Metadata': metadata({ filename: 'long' }),
    })
    const sent = await sendAcross(nodes, path, file, allMishaps(nodes, 0), () => small.put())
    report('sent', sent)
    expect(sent.interruptions.filter((how) => how === 'broken').length).toBeGreaterThanOrEqual(3)

    const shown = await request(nodes.next(), 'GET', '/api/files/long')
    const { id, etag, size: stored } = infoIn(shown)
    expect([id, stored]).toEqual([idIn(path), size])
    const fetched = await fetchAcross(nodes, id, etag, file, allMishaps(nodes, 1))
    report('fetched', fetched)
    expect(fetched.sha256).toBe(sha256Of(file))
    expect(fetched.interruptions.filter((how) => how === 'broken').length).toBeGreaterThanOrEqual(3)

    expect(small.acknowledged.length).toBeGreaterThan(0)
    for (const name of small.acknowledged) {
      const { status, body } = await request(nodes.next(), 'GET', `/files/${name}`)
      expect([status, String(body)]).toEqual([200, name])
    }
    await nodes.stop()
    await site.expectNoLeaks()
  },
)
