import { isStoreError, StoreError } from '../model/errors.ts'
import { Attempts, isTransientError, retrying } from './attempts.ts'
import { request, requestJson, type Connection } from './connection.ts'
import { tusHeaders } from './create-file.ts'
import { deleteUpload } from './delete-upload.ts'
import type { ChunkInfo } from './file-info.ts'
import { hasContent } from './has-content.ts'
import { metadataHeader } from './metadata-header.ts'
import type { Part } from './plan-parts.ts'
import type { Source } from './source.ts'
import { withStallTimeout } from './stall-timeout.ts'
import type { ProgressMeter } from './transfer.ts'

export interface PartToSend {
  readonly name: string
  readonly source: Source
  readonly part: Part
  readonly signal: AbortSignal
  readonly meter: ProgressMeter
}

/** Smaller requests than this help with no proxy. */
const fewestRequestBytes = 64 * 1024

/** Sends what is missing of a part, and compares what the server has with the source. Resolves with the id of the part's upload. */
export async function sendPart(connection: Connection, toSend: PartToSend): Promise<string> {
  const { part, source, signal, meter } = toSend
  const isLeftover = part.id !== undefined
  const id = part.id ?? (await createPart(connection, toSend))
  meter.reuse(part.offset)
  await sendFrom(connection, id, part.offset, toSend)
  const { chunks } = await retrying(connection, signal, () =>
    requestJson<{ chunks: readonly ChunkInfo[] }>(connection, `api/uploads/${id}?chunks=1`, { signal }),
  )
  if (await hasContent(connection, source, chunks, part.from)) return id
  await deleteUpload(connection, id, { signal })
  meter.add(part.from - part.to)
  // The source may have changed since then, unseen by its fingerprint.
  if (isLeftover)
    return sendPart(connection, { ...toSend, part: { from: part.from, to: part.to, offset: 0 } })
  throw new StoreError(
    'digest_mismatch',
    'What arrived is not what the source has: if it was changed meanwhile, try again when it is at rest.',
  )
}

async function createPart(
  connection: Connection,
  { name, source, part, signal }: PartToSend,
): Promise<string> {
  const { fingerprint } = source
  const metadata = fingerprint === undefined ? {} : { fingerprint, from: String(part.from) }
  const response = await retrying(connection, signal, () =>
    request(connection, 'uploads', {
      method: 'POST',
      headers: {
        ...tusHeaders,
        'Upload-Concat': 'partial',
        'Upload-Length': String(part.to - part.from),
        'Upload-Metadata': metadataHeader(name, { metadata }),
      },
      signal,
    }),
  )
  return idIn(response)
}

/** `Location` ends in the id of the upload that was created. */
export function idIn(response: Response): string {
  const location = response.headers.get('Location') ?? ''
  return location.slice(location.lastIndexOf('/') + 1)
}

async function sendFrom(
  connection: Connection,
  id: string,
  offset: number,
  toSend: PartToSend,
): Promise<void> {
  const { part, signal, meter } = toSend
  const length = part.to - part.from
  const attempts = new Attempts(connection, signal)
  let requestBytes = connection.platform.requestBytes
  // Who asks also ends a request that still hangs from an earlier attempt.
  let isCertain = part.id === undefined
  for (let at = offset; at < length;) {
    const before = at
    try {
      if (isCertain) {
        at = await append(connection, id, at, Math.min(length, at + requestBytes), toSend)
      } else {
        at = await askOffset(connection, id, signal)
        meter.add(at - before)
      }
      isCertain = true
    } catch (error) {
      isCertain = false
      // A proxy's limit: what the whole may be was settled when the upload was created.
      if (isStoreError(error, 'too_large') && requestBytes > fewestRequestBytes) requestBytes /= 2
      else await attempts.failed(error, isTransientOrConflict)
    }
    if (at > before) attempts.moved()
  }
}

/** Resolves with the new offset. */
async function append(
  connection: Connection,
  id: string,
  from: number,
  to: number,
  { part, source, signal, meter }: PartToSend,
): Promise<number> {
  let counted = 0
  try {
    return await withStallTimeout(connection, signal, async (orStalled, moved) => {
      async function* pieces() {
        for await (const piece of source.read(part.from + from, part.from + to)) {
          yield piece
          moved()
          meter.add(piece.length)
          counted += piece.length
        }
      }
      const response = await request(connection, `uploads/${id}`, {
        method: 'PATCH',
        headers: {
          ...tusHeaders,
          'Content-Type': 'application/offset+octet-stream',
          'Content-Length': String(to - from),
          'Upload-Offset': String(from),
        },
        signal: orStalled,
        ...(await connection.platform.bodyOf(pieces())),
      })
      const offset = Number(response.headers.get('Upload-Offset'))
      meter.add(offset - from - counted)
      return offset
    })
  } catch (error) {
    meter.add(-counted)
    throw error
  }
}

async function askOffset(connection: Connection, id: string, signal: AbortSignal): Promise<number> {
  const response = await request(connection, `uploads/${id}`, { method: 'HEAD', headers: tusHeaders, signal })
  return Number(response.headers.get('Upload-Offset'))
}

/** Whoever is told that it is somewhere else asks where, and goes on from there. */
function isTransientOrConflict(error: unknown): error is StoreError {
  return isTransientError(error) || isStoreError(error, 'offset_conflict')
}
