import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import type { S3Credentials } from '../../src/chunks/s3/s3-options.ts'
import { runAshlar } from '../cli/run-ashlar.ts'
import { sample } from '../http/sample.ts'
import { request, type Answer } from '../support/http-request.ts'
import { CephCluster } from './ceph-cluster.ts'
import { ClusterNode } from './cluster-node.ts'
import { PostgresServer } from './postgres-server.ts'
import { S3Bucket } from './s3-bucket.ts'
import { Site } from './site.ts'
import { until } from './until.ts'

const ceph = new CephCluster(inject('ceph'))
/** A few steps, each within its timeout, on a machine that is busy. */
const endsWithinMs = 45_000
const impatient = ['--s3-timeout', '3s']

let bucket: S3Bucket
let small: S3Bucket
let postgres: PostgresServer
let reader: S3Credentials
let limited: S3Credentials
beforeAll(async () => {
  postgres = await PostgresServer.start()
  reader = await ceph.createUser('start-reader')
  limited = await ceph.createUser('start-limited', 2 * 1024 * 1024)
  bucket = await S3Bucket.create(ceph, 'start-up')
  small = await S3Bucket.create(ceph, 'start-up-small', limited)
})
afterAll(async () => {
  bucket.close()
  small.close()
  await postgres.stop()
})

const newSite = () => Site.create(ceph, bucket, postgres)

function credentials({ accessKeyId, secretAccessKey }: S3Credentials): NodeJS.ProcessEnv {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
}

/** Fails unless a command ends soon, with one line that says why. */
async function expectRefusal(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  code: number,
  line: RegExp,
): Promise<void> {
  const begun = performance.now()
  const ended = await runAshlar(argv, { env })
  expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(/^ashlar: [^\n]+\n$/) })
  expect(ended.stderr).toMatch(line)
  expect(performance.now() - begun).toBeLessThan(endsWithinMs)
}

function expectServeRefused(
  site: Site,
  given: NodeJS.ProcessEnv,
  line: RegExp,
  options: readonly string[] = [],
): Promise<void> {
  return expectRefusal(['serve', '--port', '0', ...options], { ...site.env, ...given }, 1, line)
}

async function fillCluster(): Promise<void> {
  onTestFinished(emptyCluster)
  await ceph.setFullRatio(0.0001)
  await until('the cluster counts as full', 30_000, () => ceph.isFull())
}

async function emptyCluster(): Promise<void> {
  await ceph.setFullRatio(0.95)
  await until('the cluster does not count as full', 30_000, async () => !(await ceph.isFull()))
}

/** The address of who accepts connections and says nothing, until the test is over. */
async function silentAddress(): Promise<string> {
  const silent = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  await once(silent, 'listening')
  return `127.0.0.1:${(silent.address() as AddressInfo).port}`
}

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  await once(listener.close(), 'close')
  return `127.0.0.1:${port}`
}

function put(node: ClusterNode, bytes = sample(1000)): Promise<Answer> {
  return request(node, 'PUT', '/files/n', { body: bytes })
}

/** Fails unless the answer comes soon, and is a problem with this status and code. */
async function expectProblem(asked: Promise<Answer>, status: number, code: string): Promise<void> {
  const begun = performance.now()
  const answer = await asked
  expect([answer.status, answer.headers['content-type'], answer.json()]).toMatchObject([
    status,
    'application/problem+json',
    { code },
  ])
  expect(answer.headers['retry-after']).toEqual(status === 503 ? '5' : undefined)
  expect(performance.now() - begun).toBeLessThan(endsWithinMs)
}

function untilPutSucceeds(node: ClusterNode): Promise<void> {
  return until('a put succeeds', 60_000, async () => (await put(node)).status < 300)
}

describe('a server does not start, and says in one line why,', () => {
  it.each([
    [
      'the access key is unknown',
      { AWS_ACCESS_KEY_ID: 'nobody' },
      /InvalidAccessKeyId, HTTP 403\): check the access key/,
    ],
    [
      'the secret key is wrong',
      { AWS_SECRET_ACCESS_KEY: 'x' },
      /SignatureDoesNotMatch, HTTP 403\): check the secret key/,
    ],
    [
      'there is no such bucket',
      { ASHLAR_STORE: 's3://no-such-bucket/p' },
      /NoSuchBucket, HTTP 404\): create the bucket/,
    ],
  ])('where %s', async (_, wrong, line) => {
    await expectServeRefused(await newSite(), wrong, line)
  })

  it('where nobody listens, or nobody answers, at the endpoint', async () => {
    const site = await newSite()
    const dead = { ASHLAR_S3_ENDPOINT: `http://${await deadAddress()}` }
    await expectServeRefused(site, dead, /cannot be reached \(ECONNREFUSED\)/)
    const silent = { ASHLAR_S3_ENDPOINT: `http://${await silentAddress()}` }
    await expectServeRefused(site, silent, /no answer within 3 s/, impatient)
  })

  it('where there are no credentials at all', async () => {
    const none = {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    await expectServeRefused(await newSite(), none, /credentials/)
  })

  it('where the bucket may only be read', async () => {
    onTestFinished(() => bucket.endRules())
    await bucket.allowReading('start-reader')
    await expectServeRefused(
      await newSite(),
      credentials(reader),
      /^ashlar: Cannot write to bucket .+AccessDenied/,
    )
  })

  it('where the cluster is full', async () => {
    const site = await newSite()
    await fillCluster()
    const line = /^ashlar: Cannot write to bucket .+ within 3 s\. .+ full\.$/m
    await expectServeRefused(site, {}, line, impatient)
  })

  it.each([
    ['the database is not there', { database: 'missing' }, /is not there: create it/],
    ['the password is wrong', { password: 'guessed' }, /refuses the user or the password/],
    ['the schema is not there', { schema: 'missing' }, /none of the schemas/],
  ])('where %s', async (_, parts, line) => {
    await expectServeRefused(await newSite(), { ASHLAR_CATALOG: postgres.url(parts) }, line)
  })

  it('where nobody listens, or nobody answers, at the database', async () => {
    const site = await newSite()
    const dead = { ASHLAR_CATALOG: `postgres://a:b@${await deadAddress()}/c` }
    await expectServeRefused(site, dead, /cannot be reached \(ECONNREFUSED\): see that it runs/)
    const silent = { ASHLAR_CATALOG: `postgres://a:b@${await silentAddress()}/c` }
    await expectServeRefused(site, silent, /cannot be reached \(.*timeout/)
  })

  it('where a newer Ashlar has been', async () => {
    const site = await newSite()
    await (await site.startNode()).stop()
    await site.query('update ashlar_catalog set version = 99')
    const line = /has version 99, but this Ashlar knows versions up to \d+: start the newer/
    await expectServeRefused(site, {}, line)
    for (const command of ['fsck', 'gc']) await expectRefusal([command], site.env, 2, line)
  })

  it('where the catalog is gone and its files are not', async () => {
    const site = await newSite()
    const node = await site.startNode()
    expect((await put(node)).status).toBe(201)
    await node.stop()
    const fresh = await site.withFreshCatalog()
    const line = /is gone, but its files are not: make a new one with ashlar rebuild/
    await expectServeRefused(fresh, {}, line)
    await expectRefusal(['fsck'], fresh.env, 2, line)
  })
})

describe('a server that runs', () => {
  it('answers 503 while the database is lost, and recovers by itself', async () => {
    const site = await newSite()
    const node = await site.startNode()
    expect((await put(node)).status).toBe(201)
    await postgres.halt('immediate')
    try {
      await expectProblem(put(node), 503, 'unavailable')
      await expectProblem(request(node, 'GET', '/files/n'), 503, 'unavailable')
    } finally {
      await postgres.resume()
    }
    await untilPutSucceeds(node)
    expect((await request(node, 'PUT', '/files/new', { body: sample(10) })).status).toBe(201)
  })

  it('answers 503 while the gateway hangs, or is gone, and recovers by itself', async () => {
    const site = await newSite()
    const node = await site.startNode(...impatient)
    expect((await put(node)).status).toBe(201)
    onTestFinished(() => ceph.startGateway())
    await ceph.pauseGateway()
    await expectProblem(put(node), 503, 'unavailable')
    await expectProblem(request(node, 'GET', '/files/n'), 503, 'unavailable')
    await ceph.resumeGateway()
    await untilPutSucceeds(node)
    await ceph.killGateway()
    await expectProblem(put(node), 503, 'unavailable')
    await expectProblem(request(node, 'GET', '/files/n'), 503, 'unavailable')
    await ceph.startGateway()
    await untilPutSucceeds(node)
  })

  it('answers 503 while the cluster is full and hangs, and recovers by itself', async () => {
    const site = await newSite()
    const node = await site.startNode(...impatient)
    await fillCluster()
    await expectProblem(put(node), 503, 'unavailable')
    await emptyCluster()
    await untilPutSucceeds(node)
  })

  it('answers 507 where the store says that it is full, and takes what fits', async () => {
    const site = await newSite()
    const limits = { ASHLAR_STORE: `s3://${small.name}/p`, ...credentials(limited) }
    const node = await ClusterNode.launch(impatient, { ...site.env, ...limits })
    await expectProblem(put(node, sample(3 * 1024 * 1024)), 507, 'no_space')
    expect((await put(node)).status).toBe(201)
  })

  it('answers 500 when it may no longer write, and recovers by itself', async () => {
    const site = await newSite()
    const node = await site.startNode(...impatient)
    onTestFinished(() => bucket.endRules())
    await bucket.refuseWriting()
    await expectProblem(put(node), 500, 'internal')
    await bucket.endRules()
    await untilPutSucceeds(node)
  })
})
