import type { Readable } from 'node:stream'
import { Upload } from 'tus-js-client'
import { expect } from 'vitest'
import { idIn } from '../fronts/tus/tus-client.ts'

export type ClientOptions = ConstructorParameters<typeof Upload>[1]

/**
 * Uploads by tus-js-client, with its own retries, and resolves with the id of the file. Rejects
 * with what the client gives up for.
 */
export function uploadByClient(
  port: number,
  options: ClientOptions,
  source: Buffer | Readable,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // Its types know the streams of browsers only.
    const upload = new Upload(source as Buffer, {
      endpoint: `http://127.0.0.1:${port}/uploads`,
      retryDelays: Array.from({ length: 20 }, () => 1),
      metadata: { filename: 'by-the-usual-client', filetype: 'text/x-test' },
      ...options,
      onError: reject,
      onSuccess: ({ lastResponse }) => {
        const id = idIn(new URL(upload.url!).pathname)
        expect(lastResponse.getHeader('Content-Location')).toBe(`/files/@${id}`)
        resolve(id)
      },
    })
    upload.start()
  })
}
