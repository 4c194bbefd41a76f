import {
  connect,
  type AshlarClient,
  type Progress,
  type Source,
  type Target,
  type Transfer,
} from '../../src/client/node.ts'
import type { ConnectOptions } from '../../src/client/node.ts'
import type { SeenRequest } from './faulty-proxy.ts'

/** A client that tries again at once, and not for long. */
export function clientOf({ url }: { readonly url: string }, options: ConnectOptions = {}): AshlarClient {
  return connect(url, { firstPauseMs: 1, giveUpAfterMs: 5000, ...options })
}

export function sourceOf(bytes: Buffer, fingerprint?: string): Source {
  return {
    size: bytes.length,
    ...(fingerprint !== undefined && { fingerprint }),
    async *read(from, to) {
      for (let at = from; at < to; at += 100_000)
        yield Uint8Array.from(bytes.subarray(at, Math.min(to, at + 100_000)))
    },
  }
}

export interface MemoryTarget extends Target {
  readonly bytes: Buffer
  readonly isFinished: boolean
  /** Bytes that were written. */
  readonly written: number
}

/** A target with what an earlier attempt has left in it. */
export function memoryTarget(size: number, present: Buffer = Buffer.alloc(0)): MemoryTarget {
  const bytes = Buffer.alloc(size)
  present.copy(bytes)
  let isFinished = false
  let written = 0
  return {
    bytes,
    get isFinished() {
      return isFinished
    },
    get written() {
      return written
    },
    size: async () => present.length,
    async *read(from, to) {
      yield Uint8Array.from(bytes.subarray(from, to))
    },
    async write(offset, piece) {
      written += piece.length
      bytes.set(piece, offset)
    },
    async finish(finalSize) {
      if (finalSize !== size) throw new RangeError(`finished at ${finalSize} bytes, not ${size}`)
      isFinished = true
    },
  }
}

/** All that a transfer said until it completed. */
export async function progressOf({ progress }: Transfer<unknown>): Promise<readonly Progress[]> {
  const entries: Progress[] = []
  await progress.forEach((entry) => {
    entries.push(entry)
  })
  return entries
}

export async function bytesIn(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await all(pieces))
}

let count = 0

/** A name that no other test has. */
export function freshName(): string {
  count += 1
  return `file-${count}`
}

export async function all<T>(iterable: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const entry of iterable) found.push(entry)
  return found
}

/**
 * For each request that continued an upload after its client had asked how far that is: whether it
 * began exactly there.
 */
export function continuations({
  requests,
}: {
  readonly requests: readonly SeenRequest[]
}): readonly boolean[] {
  const told = new Map<string, string | undefined>()
  const found: boolean[] = []
  for (const { line, headers, answerHeaders } of requests) {
    const [method = '', path = ''] = line.split(' ')
    if (method === 'HEAD' && answerHeaders) told.set(path, String(answerHeaders['upload-offset']))
    if (method !== 'PATCH' || !told.has(path)) continue
    found.push(told.get(path) === headers['upload-offset'])
    told.delete(path)
  }
  return found
}
