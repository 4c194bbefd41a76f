import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { DefaultHttpStack, type HttpStack } from 'tus-js-client'

const stack = new DefaultHttpStack({})

/**
 * The HTTP of tus-js-client, with a checksum on each request that has a body. The client computes
 * none, and its `onBeforeRequest` does not see the body; this does. It holds one body in memory, so
 * `chunkSize` must say how large that is.
 */
export const checksumming: HttpStack = {
  createRequest(method, url) {
    const request = stack.createRequest(method, url)
    const send = request.send.bind(request)
    request.send = async (body: Readable | null) => {
      if (!body) return send(body)
      const bytes = await buffer(body)
      request.setHeader('Upload-Checksum', `sha256 ${hash('sha256', bytes, 'base64')}`)
      // From where the stack takes the Content-Length.
      return send(Object.assign(bytes, { size: bytes.length }))
    }
    return request
  },
  getName: () => 'checksumming',
}
