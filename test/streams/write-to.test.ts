import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import { connect, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { concatMap, lastValueFrom, range, type Observable } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { writeTo } from '../../src/streams/write-to.ts'

const mib = 1024 * 1024

interface Peers {
  readonly writer: Socket
  readonly reader: Socket
}

/** Two ends of a connection over 127.0.0.1; nothing is read until the test does. */
async function connectedPeers(): Promise<Peers> {
  const server = createSocketServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const writer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  // What happens to the connection is seen by who writes.
  writer.on('error', () => {})
  const [[reader]] = (await Promise.all([once(server, 'connection'), once(writer, 'connect')])) as [
    [Socket],
    [],
  ]
  onTestFinished(() => {
    writer.destroy()
    reader.destroy()
    server.close()
  })
  return { writer, reader }
}

/** Subscribes, and counts how often the write ends and settles. */
function watch(writing: (onSettled: () => void) => Observable<never>) {
  const ends: unknown[] = []
  let settled = 0
  const whenSettled = Promise.withResolvers<void>()
  const subscription = writing(() => {
    settled++
    whenSettled.resolve()
  }).subscribe({ error: (error: unknown) => ends.push(error), complete: () => ends.push('|') })
  return { ends, subscription, whenSettled: whenSettled.promise, settled: () => settled }
}

/** A server that hands over its responses, with their headers sent. */
async function startServer() {
  const responses: ServerResponse[] = []
  const server = createServer((request, response) => {
    request.on('error', () => {})
    response.on('error', () => {})
    response.writeHead(200)
    responses.push(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { responses, port: (server.address() as AddressInfo).port }
}

async function receive(reader: Socket, size: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let received = 0
  for await (const part of reader.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    parts.push(part)
    received += part.length
    if (received >= size) break
  }
  return Buffer.concat(parts)
}

describe('writeTo', () => {
  it('settles only when the bytes may be overwritten', async () => {
    const { writer, reader } = await connectedPeers()
    const write = writeTo(writer)
    const block = Buffer.alloc(mib)
    const writeBlock = (index: number) => {
      block.fill(index)
      return write(block, () => block.fill(0xff))
    }
    const writing = lastValueFrom(range(0, 20).pipe(concatMap(writeBlock)), { defaultValue: 'written' })
    await until(() => writer.writableLength > 0)
    const received = await receive(reader, 20 * mib)
    await writing
    const expected = Buffer.concat(Array.from({ length: 20 }, (_, index) => Buffer.alloc(mib, index)))
    expect(received.equals(expected)).toBe(true)
  })

  it('does nothing before it is subscribed', async () => {
    const { writer } = await connectedPeers()
    let settled = 0
    writeTo(writer)(Buffer.from('abc'), () => settled++)
    await turn()
    expect(writer.bytesWritten).toBe(0)
    expect(settled).toBe(0)
  })

  it('completes and settles once when the bytes have been passed on, and leaves no listener', async () => {
    const { writer, reader } = await connectedPeers()
    const listeners = writer.listenerCount('close')
    const { ends, whenSettled, settled } = watch((onSettled) =>
      writeTo(writer)(Buffer.from('abc'), onSettled),
    )
    await whenSettled
    expect(ends).toEqual(['|'])
    expect(writer.listenerCount('close')).toBe(listeners)
    expect((await receive(reader, 3)).toString()).toBe('abc')
    writer.destroy()
    await until(() => writer.closed)
    expect(settled()).toBe(1)
  })

  it('fails and settles once when the peer resets the connection during a write', async () => {
    const { writer, reader } = await connectedPeers()
    const { ends, whenSettled, settled } = watch((onSettled) =>
      writeTo(writer)(Buffer.alloc(32 * mib), onSettled),
    )
    await until(() => writer.writableLength > 0)
    expect(settled()).toBe(0)
    reader.resetAndDestroy()
    await whenSettled
    await until(() => writer.closed)
    expect(ends).toEqual([
      expect.objectContaining({ code: expect.stringMatching(/^(ECONNRESET|EPIPE|ECANCELED)$/) }),
    ])
    expect(settled()).toBe(1)
  })

  it('fails and settles at once if the stream has closed before', async () => {
    const { writer } = await connectedPeers()
    const write = writeTo(writer)
    const expectFailed = () => {
      const { ends, settled } = watch((onSettled) => write(Buffer.from('abc'), onSettled))
      expect(ends).toMatchObject([{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
      expect(settled()).toBe(1)
    }
    writer.destroy()
    expectFailed()
    await until(() => writer.closed)
    expectFailed()
  })

  it('settles once when the stream closes and calls back afterwards', async () => {
    let callBack: (() => void) | undefined
    const writable = new Writable({ write: (_bytes, _encoding, done) => (callBack = done) })
    const { ends, whenSettled, settled } = watch((onSettled) =>
      writeTo(writable)(Buffer.from('abc'), onSettled),
    )
    writable.destroy()
    await whenSettled
    callBack?.()
    await turn()
    expect(ends).toHaveLength(1)
    expect(settled()).toBe(1)
  })

  it('fails and settles at once while the stream is closing', () => {
    const writable = new Writable({ destroy: () => {} }).destroy()
    const { ends, settled } = watch((onSettled) => writeTo(writable)(Buffer.from('abc'), onSettled))
    expect(ends).toMatchObject([{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
    expect(settled()).toBe(1)
  })

  it('settles when the stream closes and never calls back', async () => {
    const writable = new Writable({ write: () => {} })
    const { ends, whenSettled, settled } = watch((onSettled) =>
      writeTo(writable)(Buffer.from('abc'), onSettled),
    )
    await turn()
    expect(settled()).toBe(0)
    writable.destroy()
    await whenSettled
    expect(ends).toMatchObject([{ code: 'ERR_STREAM_PREMATURE_CLOSE' }])
    expect(settled()).toBe(1)
  })

  it('fails with what the stream was destroyed with', async () => {
    const writable = new Writable({ write: () => {} })
    writable.on('error', () => {})
    const { ends, whenSettled } = watch((onSettled) => writeTo(writable)(Buffer.from('abc'), onSettled))
    writable.destroy(new Error('too slow'))
    await whenSettled
    expect(ends).toEqual([new Error('too slow')])
    const later = watch((onSettled) => writeTo(writable)(Buffer.from('abc'), onSettled))
    expect(later.ends).toEqual([new Error('too slow')])
  })

  it('fails with what the write fails with', async () => {
    const writable = new Writable({ write: (_bytes, _encoding, done) => done(new Error('disk full')) })
    writable.on('error', () => {})
    const { ends, whenSettled, settled } = watch((onSettled) =>
      writeTo(writable)(Buffer.from('abc'), onSettled),
    )
    await whenSettled
    await turn()
    expect(ends).toEqual([new Error('disk full')])
    expect(settled()).toBe(1)
  })

  it('settles once, and not before the bytes are gone, when it is unsubscribed early', async () => {
    const { writer, reader } = await connectedPeers()
    const bytes = Buffer.alloc(32 * mib, 'ashlar')
    const { ends, subscription, whenSettled, settled } = watch((onSettled) =>
      writeTo(writer)(bytes, onSettled),
    )
    await until(() => writer.writableLength > 0)
    subscription.unsubscribe()
    await turn()
    expect(settled()).toBe(0)
    const received = await receive(reader, bytes.length)
    await whenSettled
    expect(received.equals(bytes)).toBe(true)
    expect(ends).toEqual([])
    expect(settled()).toBe(1)
  })
})

describe('writeTo and an HTTP response', () => {
  it('passes a body on', async () => {
    const { responses, port } = await startServer()
    const answered = once(get({ port, host: '127.0.0.1' }), 'response') as Promise<[AsyncIterable<Buffer>]>
    await until(() => responses.length === 1)
    const [response] = responses as [ServerResponse]
    const { ends, whenSettled } = watch((onSettled) => writeTo(response)(Buffer.from('abc'), onSettled))
    await whenSettled
    response.end()
    const [body] = await answered
    const parts: Buffer[] = []
    for await (const part of body) parts.push(part)
    expect(Buffer.concat(parts).toString()).toBe('abc')
    expect(ends).toEqual(['|'])
  })

  it('settles the writes of all requests on a connection that is reset, begun and queued ones', async () => {
    const { responses, port } = await startServer()
    const client = connect(port, '127.0.0.1').pause()
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => responses.length === 2)
    const writes = responses.map((response) =>
      watch((onSettled) => writeTo(response)(Buffer.alloc(32 * mib), onSettled)),
    )
    await turn()
    expect(writes.map(({ settled }) => settled())).toEqual([0, 0])
    client.resetAndDestroy()
    await Promise.all(writes.map(({ whenSettled }) => whenSettled))
    await Promise.all(responses.map((response) => until(() => response.closed)))
    expect(writes.map(({ settled }) => settled())).toEqual([1, 1])
    expect(writes.map(({ ends }) => ends)).toEqual([[expect.any(Error)], [expect.any(Error)]])
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
