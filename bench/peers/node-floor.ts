import { createServer, type ServerResponse } from 'node:http'

// What any server on Node costs at least: discards what is put, and answers with one buffer over
// and over, `/<bytes>` with so many.
const [port] = process.argv.slice(2)
const mib = 1024 * 1024
const buffer = Buffer.alloc(mib, 'ashlar')

createServer((req, res) => {
  if (req.method === 'PUT') {
    req.resume()
    req.once('end', () => res.writeHead(201, { 'Content-Length': 0 }).end())
    return
  }
  const bytes = Number(req.url?.slice(1))
  res.writeHead(200, { 'Content-Length': bytes })
  writeFrom(res, bytes)
}).listen(Number(port), '127.0.0.1')

function writeFrom(res: ServerResponse, bytesLeft: number): void {
  if (bytesLeft === 0) {
    res.end()
    return
  }
  const piece = buffer.subarray(0, Math.min(mib, bytesLeft))
  res.write(piece, () => writeFrom(res, bytesLeft - piece.length))
}
