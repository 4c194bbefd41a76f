import { from, lastValueFrom, map, mergeMap, toArray } from 'rxjs'
import { StoreError } from '../../model/errors.ts'
import { withRetries } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import { createFile, tusHeaders } from './create-file.ts'
import { conditionHeaders } from '../files/delete-file.ts'
import type { FileInfo } from '../files/file-info.ts'
import { listUploads } from './list-uploads.ts'
import { metadataHeader } from './metadata-header.ts'
import { planParts, type UploadPart } from './plan-parts.ts'
import type { UploadOptions } from './put-options.ts'
import { requestHeaders } from '../transport/request.ts'
import { sendPart } from './send-part.ts'
import type { Source } from './source.ts'
import type { ProgressMeter } from '../transfer.ts'

const defaultParallel = 4

/**
 * Sends a file in parts, side by side, each of which can be resumed, and joins them (tus 1.0,
 * Concatenation).
 */
export async function putParts(
  connection: Connection,
  name: string,
  source: Source,
  options: UploadOptions,
  meter: ProgressMeter,
): Promise<FileInfo> {
  const { parallel = defaultParallel } = options
  // One failure ends the other parts: nobody needs them any more.
  const failed = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
  await refuseTooLarge(connection, source.size, signal)
  const leftovers = await findLeftovers(connection, name, source, signal)
  const parts = planParts(source.size, parallel, leftovers)
  const sent = from(parts).pipe(
    mergeMap(async (part, index) => {
      const toSend = { name, description: options, source, part, signal }
      return { id: await sendPart(connection, toSend, meter), index }
    }, parallel),
    toArray(),
    map((all) => all.toSorted((a, b) => a.index - b.index).map(({ id }) => id)),
  )
  try {
    const ids = await lastValueFrom(sent)
    const file = await join(connection, name, source, options, signal, ids)
    await forget(connection, new Set([...ids, ...leftovers.map(({ id }) => id)]), parallel, signal)
    return file
  } catch (error) {
    failed.abort(error)
    throw error
  }
}

/** Checks the whole size, because no single part may exceed the limit. */
async function refuseTooLarge(connection: Connection, size: number, signal: AbortSignal): Promise<void> {
  const headers = await withRetries(connection, signal, () =>
    requestHeaders(connection, 'uploads', { method: 'OPTIONS', headers: tusHeaders, signal }),
  )
  const most = Number(headers.get('Tus-Max-Size') ?? Infinity)
  if (size > most) throw new StoreError('too_large', `The server accepts files of at most ${most} bytes.`)
}

/** Parts of the same source for the same name that an earlier attempt left. */
async function findLeftovers(
  connection: Connection,
  name: string,
  source: Source,
  signal: AbortSignal,
): Promise<readonly (UploadPart & { readonly id: string })[]> {
  const { fingerprint } = source
  if (fingerprint === undefined) return []
  const found: (UploadPart & { readonly id: string })[] = []
  for await (const upload of listUploads(connection, { signal })) {
    const { metadata, offset, size, id } = upload
    if (!upload.isPartial || upload.name !== name || metadata['fingerprint'] !== fingerprint) continue
    const start = Number(metadata['from'])
    if (size === null || !Number.isSafeInteger(start) || start < 0) continue
    found.push({ from: start, to: start + size, offset, id })
  }
  return found
}

async function join(
  connection: Connection,
  name: string,
  source: Source,
  options: UploadOptions,
  signal: AbortSignal,
  ids: readonly string[],
): Promise<FileInfo> {
  const headers = {
    ...tusHeaders,
    ...conditionHeaders(options),
    'Upload-Concat': `final;${ids.map((id) => `/uploads/${id}`).join(' ')}`,
    'Upload-Metadata': metadataHeader(name, options),
  }
  return createFile(connection, name, source, signal, () =>
    requestHeaders(connection, 'uploads', { method: 'POST', headers, signal }),
  )
}

/** Deletes partial uploads whose chunks the file has. What cannot be deleted at once expires. */
async function forget(
  connection: Connection,
  ids: Iterable<string>,
  parallel: number,
  signal: AbortSignal,
): Promise<void> {
  const deleteOne = (id: string) =>
    requestHeaders(connection, `api/uploads/${id}`, { method: 'DELETE', signal }).catch(() => undefined)
  await lastValueFrom(from(ids).pipe(mergeMap(deleteOne, parallel)), { defaultValue: undefined })
}
