import { isStoreError, StoreError } from '../../model/errors.ts'
import { withRetries } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import { tusHeaders, uploadIdIn } from './create-file.ts'
import { deleteUpload } from '../files/delete-file.ts'
import type { ChunkInfo } from '../files/file-info.ts'
import { hasContent } from '../download/has-content.ts'
import { metadataHeader } from './metadata-header.ts'
import { requestHeaders, requestJson } from '../transport/request.ts'
import { askOffset, sendFrom, type PartMeter, type PartToSend } from './send-from.ts'
import type { ProgressMeter } from '../transfer.ts'

/**
 * Sends what is missing of a part, and compares what the server has with the source. Resolves with
 * the id of the part's upload.
 */
export async function sendPart(
  connection: Connection,
  toSend: PartToSend,
  meter: ProgressMeter,
): Promise<string> {
  const { from, to, id } = toSend.part
  try {
    return await meter.orTakeBack((partMeter) => sendAndCompare(connection, toSend, partMeter))
  } catch (error) {
    // It has expired or was deleted, or it was left over from other content.
    const isOfNoUse =
      isStoreError(error, 'not_found') || (id !== undefined && isStoreError(error, 'digest_mismatch'))
    if (!isOfNoUse) throw error
  }
  const anew = { ...toSend, part: { from, to, offset: 0 } }
  return meter.orTakeBack((partMeter) => sendAndCompare(connection, anew, partMeter))
}

async function sendAndCompare(connection: Connection, toSend: PartToSend, meter: PartMeter): Promise<string> {
  const { part, source, signal } = toSend
  const id = part.id ?? (await createPart(connection, toSend))
  // Asking also ends a request that still hangs from an earlier attempt.
  const offset =
    part.id === undefined ? 0 : await withRetries(connection, signal, () => askOffset(connection, id, signal))
  meter.reuse(offset)
  await sendFrom(connection, id, offset, toSend, meter)
  const { chunks } = await withRetries(connection, signal, () =>
    requestJson<{ chunks: readonly ChunkInfo[] }>(connection, `api/uploads/${id}?chunks=1`, { signal }),
  )
  if (await hasContent(connection, source, chunks, signal, part.from)) return id
  await deleteUpload(connection, id, { signal })
  throw new StoreError(
    'digest_mismatch',
    'The server’s bytes differ from the source: if it was changed meanwhile, retry when it no longer changes.',
  )
}

async function createPart(
  connection: Connection,
  { name, description, source: { fingerprint }, part, signal }: PartToSend,
): Promise<string> {
  const found = fingerprint === undefined ? {} : { fingerprint, from: String(part.from) }
  const metadata = { ...description.metadata, ...found }
  const headers = {
    ...tusHeaders,
    'Upload-Concat': 'partial',
    'Upload-Length': String(part.to - part.from),
    'Upload-Metadata': metadataHeader(name, { ...description, metadata }),
  }
  return uploadIdIn(
    await withRetries(connection, signal, () =>
      requestHeaders(connection, 'uploads', { method: 'POST', headers, signal }),
    ),
  )
}
