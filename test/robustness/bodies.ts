import { head } from './raw-client.ts'

/** A whole request that stores `bytes` as `name`, and how many of its bytes are its head. */
interface WrittenRequest {
  readonly bytes: Buffer
  readonly headLength: number
}

function written(start: string, body: Buffer): WrittenRequest {
  return { bytes: Buffer.concat([Buffer.from(start), body]), headLength: start.length }
}

function withLength(name: string, bytes: Buffer): WrittenRequest {
  return written(head(`PUT /files/${name}`, `Content-Length: ${bytes.length}`), bytes)
}

function chunked(name: string, bytes: Buffer): WrittenRequest {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 50_001) {
    const piece = bytes.subarray(at, at + 50_001)
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  const body = Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')])
  return written(head(`PUT /files/${name}`, 'Transfer-Encoding: chunked'), body)
}

function part(file: string, content: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`--cut\r\nContent-Disposition: form-data; name="f"; filename="${file}"\r\n\r\n`),
    content,
    Buffer.from('\r\n'),
  ])
}

function form(name: string, bytes: Buffer): WrittenRequest {
  const half = Math.floor(bytes.length / 2)
  const body = Buffer.concat([
    part(`${name}-1`, bytes.subarray(0, half)),
    part(`${name}-2`, bytes.subarray(half)),
    Buffer.from('--cut--\r\n'),
  ])
  const type = 'Content-Type: multipart/form-data; boundary=cut'
  return written(head('POST /files', type, `Content-Length: ${body.length}`), body)
}

export const bodies = { 'Content-Length': withLength, chunked, 'multipart/form-data': form } as const
