import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { retrying } from '../../src/chunks/wrappers/retrying.ts'
import { openS3ChunkStore } from '../../src/chunks/s3/open-s3-chunk-store.ts'
import type { S3Credentials } from '../../src/chunks/s3/s3-options.ts'
import { timingOut } from '../../src/chunks/wrappers/timing-out.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { isStored, listed, readAll, readRange } from '../chunks/store-calls.ts'
import { HoldingProxy } from '../cli/holding-proxy.ts'
import { FaultyProxy, type Fault } from '../client/faulty-proxy.ts'
import { CephCluster } from './ceph-cluster.ts'
import { S3Bucket } from './s3-bucket.ts'
import { until } from './until.ts'

const ceph = new CephCluster(inject('ceph'))
const gatewayPort = Number(new URL(ceph.settings.endpoint).port)
const chunk = sampleChunk(3 * blockBytes + 5)

let bucket: S3Bucket
/** Of somebody who may keep no more than two blocks. */
let small: S3Bucket
let reader: S3Credentials
beforeAll(async () => {
  bucket = await S3Bucket.create(ceph, 'failures')
  // Later, when a gateway has been killed, these would take half a minute each.
  reader = await ceph.createUser('reader')
  small = await S3Bucket.create(ceph, 'small', await ceph.createUser('limited', 2 * blockBytes))
})
afterAll(() => {
  bucket.close()
  small.close()
})

/** What calls of a store have failed with, as a wrapper around it does not show. */
function counting(store: ChunkStore) {
  const failures: unknown[] = []
  const counted = <T>(call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => {
      failures.push(error)
      throw error
    })
  const counter: ChunkStore = {
    put: (...args) => counted(store.put(...args)),
    read: (...args) => counted(store.read(...args)),
    delete: (...args) => counted(store.delete(...args)),
    list: (...args) => store.list(...args),
    close: () => store.close(),
  }
  return { counter, failures }
}

/** The refusal of a store that may not do it. */
function denied(doing: string) {
  const message = new RegExp(`^Cannot ${doing} bucket failures at .+\\(AccessDenied, HTTP 403\\): check what`)
  return { code: 'internal', message: expect.stringMatching(message) }
}

/** The end of a call that had half a second. */
function timedOut(doing: string) {
  const message = `^The chunk store has not answered within 0\\.5 s \\(${doing} .+\\): check that .+ full\\.$`
  return { code: 'unavailable', message: expect.stringMatching(new RegExp(message)) }
}

/** Until the test is over, or resumes it. */
async function pauseGateway(): Promise<void> {
  await ceph.pauseGateway()
  onTestFinished(() => ceph.resumeGateway())
}

async function openThrough(fault: Fault) {
  const proxy = await FaultyProxy.open({ port: gatewayPort }, [fault])
  const { prefix } = bucket.options()
  const store = await bucket.openStore({ prefix, endpoint: proxy.url })
  return { proxy, prefix, store }
}

/** Whether a put succeeds by now. */
function canPut(store: ChunkStore): () => Promise<boolean> {
  return () =>
    store.put(chunk.digest, [chunk.bytes]).then(
      () => true,
      () => false,
    )
}

describe('opening says in one line what is wrong', () => {
  it.each([
    {
      given: { bucket: 'no-such-bucket' },
      message: /^Cannot list bucket no-such-bucket at .+ \(NoSuchBucket, HTTP 404\): create the bucket/,
    },
    {
      given: { credentials: { accessKeyId: 'nobody', secretAccessKey: 'x' } },
      message: /\(InvalidAccessKeyId, HTTP 403\): check the access key\.$/,
    },
    {
      given: { credentials: { accessKeyId: ceph.settings.credentials.accessKeyId, secretAccessKey: 'x' } },
      message: /\(SignatureDoesNotMatch, HTTP 403\): check the secret key/,
    },
  ])('with $given', async ({ given, message }) => {
    const opening = openS3ChunkStore({ ...bucket.options(), ...given })
    await expect(opening).rejects.toMatchObject({ code: 'internal', message: expect.stringMatching(message) })
  })

  it('where nobody listens', async () => {
    const listener = net.createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as net.AddressInfo
    await once(listener.close(), 'close')
    const opening = openS3ChunkStore({ ...bucket.options(), endpoint: `http://127.0.0.1:${port}` })
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /^Cannot list bucket failures at .+ cannot be reached \(ECONNREFUSED\)\.$/,
      ),
    })
  })

  it('of another user, who may do nothing with it, or only read', async () => {
    const opening = () => openS3ChunkStore({ ...bucket.options(), credentials: reader })
    await expect(opening()).rejects.toMatchObject(denied('list'))
    await bucket.allowReading('reader')
    await expect(opening()).rejects.toMatchObject(denied('write to'))
  })

  it('to be written to, but to be read, where that is all that one may', async () => {
    const options = bucket.options()
    const location = await (await bucket.openStore(options)).put(chunk.digest, [chunk.bytes])
    await bucket.allowReading('reader')
    const store = await openS3ChunkStore({ ...options, credentials: reader, isReadOnly: true })
    expect((await readAll(store, location, chunk)).equals(chunk.bytes)).toBe(true)
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'internal' })
    await store.close()
  })
})

describe('a gateway that is killed and started again', () => {
  it('in the middle of a put has it stored all the same', async () => {
    const proxy = await HoldingProxy.open(gatewayPort)
    const options = bucket.options()
    const { counter, failures } = counting(await bucket.openStore({ ...options, endpoint: proxy.url }))
    const held = proxy.holdAfter(blockBytes)
    const put = retrying(counter).put(chunk.digest, [chunk.bytes])
    await held
    await ceph.killGateway()
    proxy.letThrough()
    await ceph.startGateway()
    expect(await isStored(await bucket.openStore(options), await put, chunk)).toBe(true)
    expect(failures.length).toBeGreaterThan(0)
  })

  it('in the middle of a read has it filled all the same', async () => {
    const { counter, failures } = counting(await bucket.openStore())
    const store = retrying(counter, { maxTries: 50 })
    const large = sampleChunk(64 * blockBytes)
    const location = await store.put(large.digest, [large.bytes])
    const blocks = Array.from({ length: 64 }, (_, block) => block * blockBytes)
    const reads = blocks.map((from) => readRange(store, location, large, from, from + blockBytes))
    await reads[0]
    await ceph.killGateway()
    await ceph.startGateway()
    const bytes = Buffer.concat(await Promise.all(reads))
    expect(bytes.equals(large.bytes)).toBe(true)
    expect(failures.length).toBeGreaterThan(0)
  })
})

describe('a gateway that hangs', () => {
  const limits = { timeoutMs: 500, minRate: Infinity }

  it('is an error after the timeout, and works again when it goes on', async () => {
    const store = timingOut(await bucket.openStore(), limits)
    const location = await store.put(chunk.digest, [chunk.bytes])
    await pauseGateway()
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject(timedOut('storing chunk'))
    await expect(readAll(store, location, chunk)).rejects.toMatchObject(timedOut('reading chunk'))
    await expect(store.delete(location)).rejects.toMatchObject(timedOut('deleting chunk'))
    await expect(listed(store)).rejects.toMatchObject({ code: 'unavailable' })
    await ceph.resumeGateway()
    await until('a put succeeds', 10_000, canPut(store))
  })

  it('has a read that was aborted leave its buffer alone', async () => {
    const store = timingOut(await bucket.openStore(), limits)
    const large = sampleChunk(16 * blockBytes)
    const location = await store.put(large.digest, [large.bytes])
    const into = Buffer.alloc(large.bytes.length)
    const reading = store.read(location, 0, into, large.options)
    await pauseGateway()
    await reading.catch(() => {
      // It may have been faster.
    })
    into.fill(7)
    await ceph.resumeGateway()
    expect(await isStored(store, location, large)).toBe(true)
    expect(into.equals(Buffer.alloc(into.length, 7))).toBe(true)
  })

  it('is not opened', async () => {
    await pauseGateway()
    await expect(openS3ChunkStore({ ...bucket.options(), openTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        // One thread of the gateway may still answer when the first is stopped.
        /^Cannot (list|write to|read from) bucket failures at .+: no answer within 0\.3 s\. Look whether/,
      ),
    })
  })
})

describe('a put whose bytes', () => {
  // The first is what opening puts.
  const second = { on: 'PUT ', call: 2 } as const

  it.each<{ name: string; fault: Fault }>([
    { name: 'are altered on the way', fault: { ...second, kind: 'flip-request', at: 2 * blockBytes } },
    { name: 'are cut off on the way', fault: { ...second, kind: 'cut-request', at: 2 * blockBytes } },
  ])('$name is refused, and succeeds when it is tried again', async ({ fault }) => {
    const { store, prefix } = await openThrough(fault)
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'unavailable' })
    expect(await bucket.keys(prefix)).toEqual([])
    const again = await openThrough(fault)
    const { counter, failures } = counting(again.store)
    const location = await retrying(counter).put(chunk.digest, [chunk.bytes])
    expect(failures).toHaveLength(1)
    expect(await isStored(again.store, location, chunk)).toBe(true)
    expect(await bucket.keys(again.prefix)).toEqual([again.prefix + location])
  })

  it('are stored and whose answer is lost is deleted again', async () => {
    const { store, prefix, proxy } = await openThrough({ ...second, kind: 'lose-answer' })
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({ code: 'unavailable' })
    await until('the leftover is deleted', 10_000, async () => (await bucket.keys(prefix)).length === 0)
    expect(proxy.seen('DELETE ')).toHaveLength(2)
  })
})

describe('an OSD that is killed', () => {
  it('keeps nobody from storing and reading', async () => {
    const limits = { timeoutMs: 20_000, minRate: Infinity }
    const store = retrying(timingOut(await bucket.openStore(), limits), { patienceMs: 60_000 })
    const before = await store.put(chunk.digest, [chunk.bytes])
    onTestFinished(() => ceph.startOsd(0))
    await ceph.killOsd(0)
    const during = await Promise.all(Array.from({ length: 8 }, () => store.put(chunk.digest, [chunk.bytes])))
    for (const location of [before, ...during]) expect(await isStored(store, location, chunk)).toBe(true)
  })
})

describe('a cluster without room', () => {
  it('that says so has no space', async () => {
    const store = await small.openStore()
    await expect(retrying(store).put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({
      code: 'no_space',
      message: expect.stringMatching(/the S3 store is full \(QuotaExceeded, HTTP 403\)\./),
    })
    expect(await listed(store)).toEqual([])
  })

  it('that hangs is an error after the timeout, and is read from all the same', async () => {
    const store = timingOut(await bucket.openStore(), { timeoutMs: 1_000, minRate: Infinity })
    const location = await store.put(chunk.digest, [chunk.bytes])
    onTestFinished(() => ceph.setFullRatio(0.95))
    await ceph.setFullRatio(0.0001)
    await until('the cluster counts as full', 30_000, () => ceph.isFull())
    // The monitor knows first: the OSDs and the gateway take writes until the new map has reached
    // them.
    await until('a put fails', 30_000, async () => !(await canPut(store)()))
    await expect(store.put(chunk.digest, [chunk.bytes])).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/not answered within 1 s \(storing chunk .+ full\.$/),
    })
    expect(await isStored(store, location, chunk)).toBe(true)
    await expect(openS3ChunkStore({ ...bucket.options(), openTimeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^Cannot write to bucket failures .+ within 1 s\. .+ full\.$/),
    })
    await ceph.setFullRatio(0.95)
    await until('a put succeeds', 30_000, canPut(store))
  })
})
