import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wholeBytes } from '../../../src/client/upload/put-whole.ts'
import { get, given, MiB, sample } from '../../http/sample.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { all, clientOf, freshName, progressOf, sourceOf } from '../fixtures.ts'
import { FaultyProxy } from '../faulty-proxy.ts'

const chunkSize = MiB

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ chunkSize })
})
afterAll(() => server.stop())

describe('put', () => {
  it.each([
    ['nothing', 0],
    ['one byte', 1],
    ['what fits in one request', wholeBytes],
    ['one byte more', wholeBytes + 1],
    ['several parts', 20 * MiB + 3],
  ])('stores %s', async (_, size) => {
    const bytes = sample(size)
    const name = `${freshName()}/b`
    const transfer = clientOf(server).put(name, sourceOf(bytes, 'print'), {
      mediaType: 'image/x-test',
      metadata: { place: 'Käfig, 1', from: 'me' },
    })
    const [{ file, isUnchanged }, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(file).toMatchObject({
      name,
      size,
      mediaType: 'image/x-test',
      metadata: { place: 'Käfig, 1', from: 'me' },
    })
    expect(isUnchanged).toBe(false)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(progress.at(-1)).toEqual({ done: size, reused: 0, total: size })
    const done = progress.map((entry) => entry.done)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(await all(clientOf(server).listUploads())).toEqual([])
  })

  it.each(['%2e%2e', 'ünï/çødé 😀', "a'b(c)!*~;:@&=+$,?#[]", 'C:\\x', '%', '\u{1F4A9}'])(
    'stores a file under the name %j',
    async (name) => {
      const client = clientOf(server)
      await client.put(name, sourceOf(sample(3))).result
      expect(await client.show(name)).toMatchObject({ name, size: 3 })
    },
  )

  it.each(['a/../b', '.', '\ud800', '/a', 'a//b', ''])('refuses the name %j', async (name) => {
    await expect(clientOf(server).put(name, sourceOf(sample(3))).result).rejects.toMatchObject({
      code: 'invalid_name',
    })
  })

  it('sends nothing of what is there already', async () => {
    const name = freshName()
    const proxy = await FaultyProxy.open(server)
    const bytes = sample(3 * MiB)
    const { id } = await given(server, name, bytes)
    const transfer = clientOf(proxy).put(name, sourceOf(bytes))
    const [result, progress] = await Promise.all([transfer.result, progressOf(transfer)])
    expect(result).toMatchObject({ isUnchanged: true, file: { id } })
    expect(progress.at(-1)).toEqual({ done: bytes.length, reused: bytes.length, total: bytes.length })
    expect(proxy.requests.every(({ line }) => line.startsWith('GET'))).toBe(true)
  })

  it('stores a small file with one request, metadata and digest in it', async () => {
    const proxy = await FaultyProxy.open(server)
    const name = freshName()
    const options = { mediaType: 'text/x-test', metadata: { place: 'Käfig, 1', kind: 'x' } }
    const { file } = await clientOf(proxy).put(name, sourceOf(sample(3)), options).result
    expect(file).toMatchObject(options)
    expect(await clientOf(server).show(name)).toEqual(file)
    expect(proxy.requests.map(({ line, headers }) => [line, typeof headers['repr-digest']])).toEqual([
      [`PUT /files/${name}`, 'string'],
    ])
  })

  it.each([
    ['nothing', 0],
    ['one chunk', 64 * 1024],
    ['more than is sent without asking', 64 * 1024 + 1],
    ['several chunks', 300 * 1024],
  ])('keeps the id of a small file that is there already: %s', async (_, size) => {
    const small = await startTestServer({ chunkSize: 128 * 1024 })
    const bytes = sample(size)
    const { id } = await given(small, 'a', bytes)
    const { result } = clientOf(small).put('a', sourceOf(bytes), { metadata: { k: 'v' } })
    expect(await result).toMatchObject({ isUnchanged: true, file: { id, metadata: {} } })
    expect(await clientOf(small).show('a')).toMatchObject({ id })
  })

  it.each([
    ['small', 3],
    ['large', 2 * MiB],
  ])('does not ask about a %s file that a listing has told of', async (_, size) => {
    const proxy = await FaultyProxy.open(server)
    const client = clientOf(proxy)
    const name = freshName()
    const bytes = sample(size)
    const { file } = await client.put(name, sourceOf(bytes), { present: null }).result
    const sent = proxy.requests.length
    expect(proxy.seen('GET /api/files/file')).toEqual([])
    expect(await client.put(name, sourceOf(bytes), { present: file }).result).toEqual({
      file,
      isUnchanged: true,
    })
    // The chunks of what has more than one digest.
    expect(proxy.requests.slice(sent).map(({ line }) => line)).toEqual(
      size > MiB ? [`GET /api/files/%40${file.id}?chunks=1`] : [],
    )
  })

  it('replaces a file of the same size and other content', async () => {
    const name = freshName()
    await given(server, name, sample(3 * MiB))
    const bytes = sample(3 * MiB)
    expect(await clientOf(server).put(name, sourceOf(bytes)).result).toMatchObject({ isUnchanged: false })
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
  })

  it.each([
    ['another file', { ifNoneMatch: '*' }, 'other'],
    ['no such file', { ifMatch: '"x"' }, undefined],
    ['none at all', { ifMatch: '*' }, undefined],
  ])('is refused before it sends anything where there is %s', async (_, precondition, present) => {
    const name = freshName()
    const proxy = await FaultyProxy.open(server)
    if (present !== undefined) await given(server, name, present)
    const transfer = clientOf(proxy).put(name, sourceOf(sample(2 * MiB)), precondition)
    await expect(transfer.result).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(proxy.requests.every(({ line }) => line.startsWith('GET'))).toBe(true)
  })

  it('replaces only the file that it was told of, also where that changes while it sends', async () => {
    const name = freshName()
    const { etag } = await given(server, name)
    const source = sourceOf(sample(2 * MiB))
    const changing = {
      ...source,
      async *read(from: number, to: number) {
        await given(server, name, 'meanwhile')
        yield* source.read(from, to)
      },
    }
    const transfer = clientOf(server).put(name, changing, { ifMatch: etag })
    await expect(transfer.result).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(String((await get(server, name)).body)).toBe('meanwhile')
  })

  it('sends nothing of a file that is larger than the server takes', async () => {
    const name = freshName()
    const small = await startTestServer({ chunkSize, maxFileSize: 2 * MiB })
    const proxy = await FaultyProxy.open(small)
    const client = clientOf(proxy)
    await expect(client.put(name, sourceOf(sample(2 * MiB + 1))).result).rejects.toMatchObject({
      code: 'too_large',
    })
    expect(proxy.seen('PATCH')).toEqual([])
    await client.put(name, sourceOf(sample(2 * MiB))).result
  })

  it('hears of metadata that the server refuses before it sends anything', async () => {
    const name = freshName()
    const proxy = await FaultyProxy.open(server)
    const metadata = { key: 'x'.repeat(2049) }
    const transfer = clientOf(proxy).put(name, sourceOf(sample(2 * MiB)), { metadata })
    await expect(transfer.result).rejects.toMatchObject({ code: 'invalid_metadata' })
    expect(proxy.seen('PATCH')).toEqual([])
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses to send %d parts side by side', async (parallel) => {
    const name = freshName()
    const transfer = clientOf({ url: 'http://127.0.0.1:1' }).put(name, sourceOf(sample(1)), { parallel })
    await expect(transfer.result).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('sends as many parts side by side as it may', async () => {
    const name = freshName()
    const proxy = await FaultyProxy.open(server)
    await clientOf(proxy).put(name, sourceOf(sample(20 * MiB)), { parallel: 1000 }).result
    expect(proxy.seen('POST /uploads')).toHaveLength(3 + 1)
  })
})
