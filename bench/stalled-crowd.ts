import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { BenchUploads } from './bench-uploads.ts'

const kib = 1024
const readBytes = 64 * kib
const sentBytes = 100 * kib
const announcedBytes = 100 * 1024 * kib

/** Clients that have begun something and then stand still. */
export class StalledCrowd {
  readonly #port: number
  readonly #sockets: Socket[] = []
  #lost = 0

  constructor(port: number) {
    this.#port = port
  }

  get size(): number {
    return this.#sockets.length
  }

  /** How many of them have lost their connection, before they left. */
  get lost(): number {
    return this.#lost
  }

  /** Resolves when the beginning of the file has come and been read. */
  async download(name: string): Promise<void> {
    const socket = await this.#open(`GET /files/${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    let received = 0
    await new Promise<void>((resolve) => {
      socket.on('data', (data: Buffer) => {
        received += data.length
        if (received < readBytes) return
        socket.pause()
        resolve()
      })
    })
  }

  put(name: string): Promise<void> {
    return this.#send(`PUT /files/${name}`, [])
  }

  async append(uploads: BenchUploads): Promise<void> {
    const path = await uploads.create({ 'Upload-Length': announcedBytes })
    await this.#send(`PATCH ${path}`, [
      'Tus-Resumable: 1.0.0',
      'Upload-Offset: 0',
      'Content-Type: application/offset+octet-stream',
    ])
  }

  async leave(): Promise<void> {
    const closed = this.#sockets.map((socket) => (socket.closed ? Promise.resolve() : once(socket, 'close')))
    for (const socket of this.#sockets.splice(0)) socket.destroy()
    await Promise.all(closed)
  }

  async #send(request: string, fields: readonly string[]): Promise<void> {
    const lines = [
      `${request} HTTP/1.1`,
      'Host: localhost',
      `Content-Length: ${announcedBytes}`,
      ...fields,
      '',
      '',
    ]
    const socket = await this.#open(lines.join('\r\n'))
    const own = Buffer.alloc(sentBytes)
    own.writeUInt32BE(this.size)
    await new Promise<void>((resolve) => {
      socket.write(own, () => resolve())
    })
  }

  async #open(head: string): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1')
    this.#sockets.push(socket)
    // How a connection ends says nothing that its close does not.
    socket.on('error', () => {}).once('close', () => this.#lost++)
    await once(socket, 'connect')
    socket.write(head)
    return socket
  }
}
