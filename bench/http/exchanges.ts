import { randomInt, randomUUID } from 'node:crypto'
import { content } from './content.ts'
import type { Exchange } from './load.ts'
import type { Answer, RawConnection } from './raw-connection.ts'

/** Does it once. Rejects unless all goes well. */
export async function exchangeOver(connection: RawConnection, exchange: Exchange): Promise<void> {
  switch (exchange.kind) {
    case 'get': {
      const { paths, bytes } = exchange
      const path = paths[Math.floor(Math.random() * paths.length)]!
      return expectBody(await connection.request(head('GET', path)), 200, bytes)
    }
    case 'range': {
      const { path, fileBytes, bytes } = exchange
      const start = randomInt(fileBytes - bytes + 1)
      const range = `Range: bytes=${start}-${start + bytes - 1}\r\n`
      return expectBody(await connection.request(head('GET', path, range)), 206, bytes)
    }
    case 'put': {
      const { path, bytes, repeatsAfter } = exchange
      const name = path.endsWith('/') ? `${path}${randomUUID()}` : path
      const body = content(bytes, repeatsAfter)
      return expectSuccess(await connection.send(head('PUT', name, `Content-Length: ${bytes}\r\n`), body))
    }
    case 'tus': {
      const { path, bytes } = exchange
      const created = await connection.request(tusHead('POST', path, `Upload-Length: ${bytes}`, 0))
      expectSuccess(created)
      const upload = new URL(/^location: *(.+)$/im.exec(created.head)![1]!.trim(), 'http://127.0.0.1')
        .pathname
      return expectSuccess(
        await connection.send(tusHead('PATCH', upload, 'Upload-Offset: 0', bytes), content(bytes)),
      )
    }
  }
}

function head(method: string, path: string, headers = ''): string {
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`
}

function tusHead(method: string, path: string, header: string, bytes: number): string {
  const type = bytes > 0 ? 'Content-Type: application/offset+octet-stream\r\n' : ''
  return head(method, path, `Tus-Resumable: 1.0.0\r\n${header}\r\n${type}Content-Length: ${bytes}\r\n`)
}

function expectSuccess(answer: Answer): void {
  if (answer.status >= 300) throw new Error(`refused:\n${answer.head}`)
}

function expectBody(answer: Answer, status: number, bytes: number): void {
  if (answer.status !== status || answer.bytes !== bytes)
    throw new Error(`${bytes} bytes were to come:\n${answer.head}`)
}
