import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'

const mib = 1024 * 1024

/** Reads or sends one file as fast as it can, and prints how many milliseconds that took. */
const [port, direction, name, mebibytes] = process.argv.slice(2) as [string, 'GET' | 'PUT', string, string]
// Nothing that is sent is there already; a piece is no longer than a block, so no two blocks are
// alike.
const piece = randomBytes(mib)

const begun = performance.now()
const headers = direction === 'PUT' ? { 'Content-Length': Number(mebibytes) * mib } : {}
const req = request({ port, host: '127.0.0.1', method: direction, path: `/files/${name}`, headers })
const answered = once(req, 'response') as Promise<[IncomingMessage]>
if (direction === 'PUT') await send(req)
req.end()
const [res] = await answered
let received = 0
for await (const data of res) received += (data as Buffer).length
if (res.statusCode! >= 300) throw new Error(`${direction} was answered with ${res.statusCode}`)
if (direction === 'GET' && received !== Number(mebibytes) * mib) throw new Error(`${received} bytes came`)
console.log(performance.now() - begun)

async function send(to: ClientRequest): Promise<void> {
  for (let sent = 0; sent < Number(mebibytes); sent++) {
    const own = Buffer.from(piece)
    own.writeUInt32BE(sent)
    if (!to.write(own)) await once(to, 'drain')
  }
}
