import { isStoreError, type StoreError } from '../../model/errors.ts'
import { Attempts, isTransientError } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import { offsetIn, tusHeaders } from './create-file.ts'
import type { Description } from './metadata-header.ts'
import type { UploadPart } from './plan-parts.ts'
import { notOurs, requestHeaders } from '../transport/request.ts'
import { sendBytes } from './send-bytes.ts'
import type { Source } from './source.ts'
import type { ProgressMeter } from '../transfer.ts'

export interface PartToSend {
  readonly name: string
  /**
   * Of the file. The server looks at it with every part, so that what it refuses is refused before
   * much is sent.
   */
  readonly description: Description
  readonly source: Source
  readonly part: UploadPart
  readonly signal: AbortSignal
}

export type PartMeter = Pick<ProgressMeter, 'add' | 'reuse'>

/** Requests smaller than this would not help with any proxy. */
export const fewestRequestBytes = 64 * 1024

/** Sends the part from its byte `offset` on, whatever breaks off meanwhile. */
export async function sendFrom(
  connection: Connection,
  id: string,
  offset: number,
  toSend: PartToSend,
  meter: PartMeter,
): Promise<void> {
  const { part, signal } = toSend
  const length = part.to - part.from
  const attempts = new Attempts(connection, signal)
  let { requestBytes } = connection.platform
  let isCertain = true
  for (let at = offset; at < length;) {
    const before = at
    try {
      if (isCertain) {
        at = await append(connection, id, at, Math.min(length, at + requestBytes), toSend, meter)
      } else {
        at = await askOffset(connection, id, signal)
        meter.add(at - before)
      }
      isCertain = true
    } catch (error) {
      isCertain = false
      // A proxy's limit: the server would have said so when the upload was created.
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
  { part, source, signal }: PartToSend,
  meter: PartMeter,
): Promise<number> {
  let counted = 0
  const headers = { ...tusHeaders, 'Upload-Offset': String(from) }
  const content = {
    length: to - from,
    read: () => source.read(part.from + from, part.from + to),
    onSent: (bytes: number) => {
      counted += bytes
      meter.add(bytes)
    },
  }
  try {
    const answer = await sendBytes(connection, `uploads/${id}`, { method: 'PATCH', headers, signal }, content)
    if (offsetIn(answer) !== to) throw notOurs('with another Upload-Offset than all that was sent')
    meter.add(to - from - counted)
    return to
  } catch (error) {
    meter.add(-counted)
    throw error
  }
}

/** How much of an upload the server has. A request that still appends to it is ended. */
export async function askOffset(connection: Connection, id: string, signal: AbortSignal): Promise<number> {
  return offsetIn(
    await requestHeaders(connection, `uploads/${id}`, { method: 'HEAD', headers: tusHeaders, signal }),
  )
}

/** Whoever is told that it is somewhere else asks where, and goes on from there. */
function isTransientOrConflict(error: unknown): error is StoreError {
  return isTransientError(error) || isStoreError(error, 'offset_conflict')
}
