import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RequestState } from '../../src/http/server/context.ts'
import { receiveForm, type FileOfForm } from '../../src/http/bodies/receive-form.ts'
import { isStoreError } from '../../src/model/errors.ts'
import { boundary, fieldPart, filePart, form } from './form.ts'
import { KiB, MiB } from './sample.ts'

const packetBytes = 64 * KiB

interface Received {
  readonly name: string
  readonly body: FileOfForm['body']
  /** Resolves with its bytes, a character for each. */
  readonly content: Promise<string>
  pieces: number
}

let port: number
/** What the next form is given to. */
let onFile: (file: FileOfForm) => void

beforeAll(async () => {
  const app = new Koa<RequestState>()
  app.use(async (ctx) => {
    try {
      await receiveForm(ctx, 40, (file) => onFile(file))
      ctx.body = 'received'
    } catch (error) {
      if (!isStoreError(error)) throw error
      ctx.set('Connection', 'close')
      ctx.status = 400
      ctx.body = error.code
    }
  })
  const listen = app.callback()
  const server = createServer((req, res) => void listen(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  return async () => {
    server.close().closeAllConnections()
    await once(server, 'close')
  }
})

/**
 * Sends the pieces each in a chunk of its own, as fast as they are taken, and resolves with the
 * answer.
 */
async function send(pieces: Iterable<Buffer>): Promise<string> {
  const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
  const req = request({ port, method: 'POST', headers })
  const answered = once(req, 'response') as Promise<[IncomingMessage]>
  for (const piece of pieces) {
    if (!req.write(piece)) await Promise.race([once(req, 'drain'), answered])
  }
  req.end()
  const [res] = await answered
  return text(res)
}

/** Reads all files at once and keeps what was read. */
function reading(): Received[] {
  const files: Received[] = []
  onFile = ({ name, body }) => {
    const parts: string[] = []
    const { promise: content, resolve } = Promise.withResolvers<string>()
    const file: Received = { name, body, content, pieces: 0 }
    body.on('end', () => resolve(parts.join('')))
    body.on('data', (data: Buffer) => {
      file.pieces++
      parts.push(data.toString('latin1'))
    })
    files.push(file)
  }
  return files
}

function* packetsOf(bytes: Buffer, size = packetBytes): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('a file', () => {
  it.each([
    ['of carriage returns', '\r'],
    ['of empty lines', '\r\n'],
    ['of beginnings of boundaries', '\r\n--'],
    ['of boundaries but for a character', `\r\n--${boundary.slice(0, -1)}`],
    ['of boundaries without a line', `--${boundary}`],
    ['of the last character of a boundary', boundary.slice(-1)],
    ['of dashes', '-'],
  ])('%s is passed on in as many pieces as it came, or nearly', async (_, run) => {
    const content = Buffer.alloc(4 * MiB, run)
    // Without the blank, a file that begins like a boundary would end before its first byte.
    const body = form([filePart('hostile', Buffer.concat([Buffer.from(' '), content]))])
    const files = reading()
    expect(await send(packetsOf(body))).toBe('received')
    const [file] = files
    expect((await file?.content) === ` ${content.toString('latin1')}`).toBe(true)
    // For each packet a possible beginning of a boundary before it, and what is sure; the socket
    // may cut packets in some.
    expect(file?.pieces).toBeLessThanOrEqual((8 * body.length) / packetBytes)
  })
})

describe('a form', () => {
  const parts = [
    filePart('a', `x\r\n--${boundary.slice(0, -1)}!`),
    fieldPart('f', 'v'),
    filePart('', ''),
    filePart('ü/b', ''),
    filePart('c', '\r\n'),
  ]
  const contents = { a: parts[0]?.content, 'ü/b': '', c: '\r\n' }
  const whole = form(parts)

  it('is the same wherever it is cut', async () => {
    for (let at = 0; at <= whole.length; at++) {
      const files = reading()
      expect(await send([whole.subarray(0, at), whole.subarray(at)].filter(({ length }) => length > 0))).toBe(
        'received',
      )
      const found = await Promise.all(files.map(async ({ name, content }) => [name, await content] as const))
      expect(Object.fromEntries(found)).toEqual(contents)
    }
  })

  it('is refused wherever it ends early', async () => {
    // The last line may go without its end.
    for (let length = 1; length < whole.length - 2; length++) {
      const files = reading()
      expect(await send([whole.subarray(0, length)])).toBe('invalid_request')
      for (const { body } of files) expect(body.destroyed).toBe(true)
    }
  })

  it('may have something before and behind it', async () => {
    const files = reading()
    expect(await send([Buffer.from('before\r\n'), whole, whole])).toBe('received')
    expect(files.map(({ name }) => name)).toEqual(Object.keys(contents))
  })

  it.each([
    ['more behind a boundary', [filePart('a', `x\r\n--${boundary}more\r\ny`)]],
    ['more and an empty line behind a boundary', [filePart('a', `x\r\n--${boundary}more\r\n\r\ny`)]],
    ['a part without Content-Disposition', [filePart('a', 'x'), { head: ['A: b'], content: 'x' }]],
    ['more lines in a header than one may have', [tooMany(filePart('a', 'x'))]],
  ])('with %s is refused', async (_, refusedParts) => {
    reading()
    expect(await send([form(refusedParts)])).toBe('invalid_request')
  })

  it('waits for who reads its files, and goes on however full they are when they end', async () => {
    // They hold a little less, as much, and a little more than a body does: some end in the very
    // packet that makes them full.
    const contentsOfFiles = Array.from({ length: 40 }, (_, index) =>
      Buffer.alloc((100 + index) * KiB, 97 + index),
    )
    const sent = form(contentsOfFiles.map((content, index) => filePart(`${index}`, content)))
    const files: FileOfForm[] = []
    onFile = (file) => files.push(file)
    const answer = send(packetsOf(sent, 9000))
    for (const [index, content] of contentsOfFiles.entries()) {
      await expect.poll(() => isHeldUp(files[index]?.body), { interval: 1 }).toBe(true)
      expect(files.length).toBeLessThanOrEqual(index + 6)
      const { body } = files[index] as FileOfForm
      expect((await text(body)) === content.toString()).toBe(true)
    }
    expect(await answer).toBe('received')
  })
})

function isHeldUp(body: FileOfForm['body'] | undefined): boolean {
  return body !== undefined && (body.writableNeedDrain || body.writableEnded)
}

function tooMany(part: ReturnType<typeof filePart>): ReturnType<typeof filePart> {
  return { ...part, head: [...part.head, ...Array.from({ length: 200 }, () => 'a: b')] }
}
