import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { contentBytes } from '../crash/content.ts'
import { patch, tus } from '../fronts/tus/tus-client.ts'
import { openRequest, type OpenAnswer } from '../support/http-request.ts'
import type { Mishaps } from './mishaps.ts'
import type { MortalNodes } from './mortal-nodes.ts'
import { until } from './until.ts'

const MiB = 1024 * 1024
const pieceBytes = MiB
const patchBytes = 16 * MiB
const patienceMs = 60_000

/** A file that is never there as a whole: its bytes can be had from anywhere on. */
export interface LongFile {
  readonly content: string
  readonly size: number
}

export interface TransferReport {
  readonly seconds: number
  /**
   * What requests have ended with that did not get to their end, in order; `broken` is a connection
   * that broke.
   */
  readonly interruptions: readonly (number | 'broken')[]
}

export function sha256Of({ content, size }: LongFile): string {
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += pieceBytes)
    hash.update(contentBytes(content, at, Math.min(size, at + pieceBytes)))
  return hash.digest('hex')
}

/**
 * Sends an upload in requests to one node after the other. What is acknowledged must not be lost:
 * the offset never goes back.
 */
export async function sendAcross(
  nodes: MortalNodes,
  path: string,
  { content, size }: LongFile,
  mishaps: Mishaps,
  afterEach: () => Promise<void>,
): Promise<TransferReport> {
  const begun = performance.now()
  const interruptions: (number | 'broken')[] = []
  const body = async function* (from: number, to: number) {
    for (let at = from; at < to; at += pieceBytes) {
      await mishaps.reach(at)
      yield contentBytes(content, at, Math.min(to, at + pieceBytes))
    }
  }
  const ask = async () => {
    let found: number | undefined
    await until('a node says how far the upload is', patienceMs, async () => {
      const { status, offset } = await headOf(nodes, path)
      expect([200, 503, 'broken']).toContain(status)
      found = offset
      return offset !== undefined
    })
    return found!
  }
  let offset = 0
  while (offset < size) {
    const end = Math.min(size, offset + patchBytes)
    const answer = await patch(nodes.next(), path, offset, body(offset, end)).catch(() => undefined)
    if (answer?.status !== 204) interruptions.push(answer?.status ?? 'broken')
    const reached = answer?.status === 204 ? Number(answer.headers['upload-offset']) : await ask()
    expect(reached).toBeGreaterThanOrEqual(offset)
    offset = reached
    await afterEach()
  }
  await mishaps.end()
  return { seconds: secondsSince(begun), interruptions }
}

async function headOf(nodes: MortalNodes, path: string) {
  try {
    const { status, headers } = await tus(nodes.next(), 'HEAD', path)
    return { status, offset: status === 200 ? Number(headers['upload-offset']) : undefined }
  } catch {
    return { status: 'broken', offset: undefined } as const
  }
}

/**
 * Fetches a file, the rest from another node where one breaks off. Fails unless all of it comes,
 * just as it is.
 */
export async function fetchAcross(
  nodes: MortalNodes,
  id: string,
  etag: string,
  { content, size }: LongFile,
  mishaps: Mishaps,
): Promise<TransferReport & { readonly sha256: string }> {
  const begun = performance.now()
  const hash = createHash('sha256')
  const interruptions: (number | 'broken')[] = []
  let at = 0
  const fetchRest = async () => {
    const headers = { Range: `bytes=${at}-`, 'If-Range': etag }
    const { response }: OpenAnswer = await openRequest(nodes.next(), 'GET', `/files/@${id}`, { headers })
    if (response.statusCode !== 206) {
      response.resume()
      return response.statusCode ?? 0
    }
    for await (const piece of response as AsyncIterable<Buffer>) {
      const end = at + piece.length
      if (!contentBytes(content, at, end).equals(piece)) throw new WrongBytes(`between ${at} and ${end}`)
      hash.update(piece)
      at = end
      await mishaps.reach(at)
    }
    return 206
  }
  await until('all of the file has come', Infinity, async () => {
    const status = await fetchRest().catch((error: unknown) => {
      if (error instanceof WrongBytes) throw error
      return 'broken' as const
    })
    if (status !== 206) interruptions.push(status)
    return at === size
  })
  await mishaps.end()
  return { seconds: secondsSince(begun), interruptions, sha256: hash.digest('hex') }
}

class WrongBytes extends Error {
  override readonly name = 'WrongBytes'
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000
}
