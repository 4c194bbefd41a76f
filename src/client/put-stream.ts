import { isStoreError, type StoreError } from '../model/errors.ts'
import { Attempts, isTransientError, retrying } from './attempts.ts'
import { request, type Connection } from './connection.ts'
import { refIn, tusHeaders } from './create-file.ts'
import { conditionHeaders, type Precondition } from './delete-file.ts'
import type { FileInfo } from './file-info.ts'
import { metadataHeader, toBase64, type Description } from './metadata-header.ts'
import { idIn } from './send-part.ts'
import { showFile } from './show-file.ts'
import { startTransfer, type Transfer } from './transfer.ts'

export interface PutStreamOptions extends Description, Precondition {
  readonly signal?: AbortSignal
}

/** What is held to be sent again if need be, and is sent in one request. */
const heldBytes = 8 * 1024 * 1024

export function putStream(
  connection: Connection,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  options: PutStreamOptions = {},
): Transfer<FileInfo> {
  const { signal } = options
  return startTransfer(async (meter) => {
    const created = await retrying(connection, signal, () =>
      request(connection, 'uploads', {
        method: 'POST',
        headers: {
          ...tusHeaders,
          'Upload-Defer-Length': '1',
          'Upload-Metadata': metadataHeader(name, options),
        },
        signal: signal ?? null,
      }),
    )
    const id = idIn(created)
    let offset = 0
    let ref = ''
    for await (const { bytes, isLast } of held(pieces)) {
      ref = await appendChecked(connection, id, offset, bytes, isLast, options)
      offset += bytes.length
      meter.add(bytes.length)
    }
    return showFile(connection, ref, { ...(signal && { signal }) })
  })
}

/** Appends all of the bytes or none of them, checked on arrival. Resolves with the ref of the file after the last. */
async function appendChecked(
  connection: Connection,
  id: string,
  offset: number,
  bytes: Uint8Array<ArrayBuffer>,
  isLast: boolean,
  { signal, ...precondition }: PutStreamOptions,
): Promise<string> {
  const attempts = new Attempts(connection, signal)
  const end = offset + bytes.length
  const headers = {
    ...tusHeaders,
    'Content-Type': 'application/offset+octet-stream',
    'Upload-Checksum': `sha256 ${toBase64(await connection.platform.sha256(bytes))}`,
    'Upload-Offset': String(offset),
    ...(isLast && { 'Upload-Length': String(end), ...conditionHeaders(precondition) }),
  }
  const path = `uploads/${id}`
  for (let isCertain = true; ; isCertain = false) {
    try {
      if (!isCertain) {
        const response = await request(connection, path, {
          method: 'HEAD',
          headers: tusHeaders,
          signal: signal ?? null,
        })
        const isThere = Number(response.headers.get('Upload-Offset')) === end
        const ref = refIn(response)
        if (isThere && (!isLast || ref !== '')) return ref
      }
      const response = await request(connection, path, {
        method: 'PATCH',
        headers,
        body: bytes,
        signal: signal ?? null,
      })
      return refIn(response)
    } catch (error) {
      await attempts.failed(error, isTransientOrDamaged)
    }
  }
}

/** The stream in pieces of `heldBytes`; the last may be shorter, and empty. */
async function* held(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ bytes: Uint8Array<ArrayBuffer>; isLast: boolean }> {
  let buffer = new Uint8Array(heldBytes)
  let filled = 0
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      if (filled === heldBytes) {
        yield { bytes: buffer, isLast: false }
        // The other may still be on its way out.
        buffer = new Uint8Array(heldBytes)
        filled = 0
      }
      const taken = piece.subarray(at, at + heldBytes - filled)
      buffer.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  yield { bytes: buffer.subarray(0, filled), isLast: true }
}

function isTransientOrDamaged(error: unknown): error is StoreError {
  return (
    isTransientError(error) ||
    isStoreError(error, 'checksum_mismatch') ||
    isStoreError(error, 'offset_conflict')
  )
}
