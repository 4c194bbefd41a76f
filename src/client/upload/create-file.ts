import { isStoreError, StoreError } from '../../model/errors.ts'
import { Attempts, isTransientError } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import type { FileInfo } from '../files/file-info.ts'
import { hasContentOf } from '../download/has-content.ts'
import type { AnswerHeaders } from '../transport/platform.ts'
import { RefusedError } from '../transport/refusal.ts'
import { notOurs } from '../transport/request.ts'
import { showFile, undefinedIfAbsent } from '../files/show-file.ts'
import type { Source } from './source.ts'

/** What every request to `/uploads` says. */
export const tusHeaders = { 'Tus-Resumable': '1.0.0' }

/**
 * Sends the request that turns the source into a file, until there is an answer. A refusal because
 * the file exists, made by an earlier request whose answer was lost or by somebody else from the
 * same parts, counts as success.
 */
export async function createFile(
  connection: Connection,
  name: string,
  source: Source,
  signal: AbortSignal | undefined,
  send: () => Promise<AnswerHeaders>,
): Promise<FileInfo> {
  const attempts = new Attempts(connection, signal)
  for (let isFirst = true; ; isFirst = false) {
    let headers: AnswerHeaders
    try {
      headers = await send()
    } catch (error) {
      const mayBeDone =
        (!isFirst && isStoreError(error, 'precondition_failed')) || isStoreError(error, 'not_found')
      const file = mayBeDone ? await findSame(connection, name, source, signal) : undefined
      if (file) return file
      await attempts.failed(error, isTransientOrDamaged)
      continue
    }
    const file =
      (await undefinedIfAbsent(showFile(connection, refIn(headers), { signal }))) ??
      (await findSame(connection, name, source, signal))
    if (!file) throw new StoreError('not_found', 'The file was stored, and deleted or replaced at once.')
    return file
  }
}

/** The file with the name, if it equals the source. */
async function findSame(
  connection: Connection,
  name: string,
  source: Source,
  signal: AbortSignal | undefined,
): Promise<FileInfo | undefined> {
  const file = await undefinedIfAbsent(showFile(connection, name, { signal }))
  return file && (await hasContentOf(connection, file, source, signal)) ? file : undefined
}

/** Damaged bytes were not taken, and may arrive intact the next time. */
export function isTransientOrDamaged(error: unknown): error is StoreError {
  const isDamaged = isStoreError(error, 'checksum_mismatch') || isStoreError(error, 'digest_mismatch')
  // A changed source is not the line's fault.
  return isTransientError(error) || (isDamaged && error instanceof RefusedError)
}

/**
 * The answer that completes an upload names the file in `Content-Location`: `/files/@` and its id.
 */
function refIn(headers: AnswerHeaders): string {
  const ref = findRefIn(headers)
  if (ref === undefined) throw notOurs('without the Content-Location of a file')
  return ref
}

export function findRefIn(headers: AnswerHeaders): string | undefined {
  return /@[0-9a-f-]+$/.exec(headers.get('Content-Location') ?? '')?.[0]
}

/** `Location` ends in the id of the upload that was created. */
export function uploadIdIn(headers: AnswerHeaders): string {
  const id = /[^/]+$/.exec(headers.get('Location') ?? '')?.[0]
  if (id === undefined) throw notOurs('without the Location of an upload')
  return id
}

/** How much of an upload the server has. */
export function offsetIn(headers: AnswerHeaders): number {
  const text = headers.get('Upload-Offset') ?? ''
  if (!/^\d+$/.test(text)) throw notOurs('without an Upload-Offset')
  return Number(text)
}
