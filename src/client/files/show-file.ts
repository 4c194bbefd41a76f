import { isStoreError } from '../../model/errors.ts'
import { withRetries } from '../transport/attempts.ts'
import { toPath, type Connection } from '../transport/connection.ts'
import type { FileInfo, FileWithChunks } from './file-info.ts'
import { requestJson } from '../transport/request.ts'

export async function showFile(
  connection: Connection,
  ref: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FileInfo> {
  return withRetries(connection, signal, () =>
    requestJson<FileInfo>(connection, toPath('api/files/', ref), { signal }),
  )
}

export async function showChunks(
  connection: Connection,
  ref: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FileWithChunks> {
  return withRetries(connection, signal, () =>
    requestJson<FileWithChunks>(connection, `${toPath('api/files/', ref)}?chunks=1`, { signal }),
  )
}

export async function undefinedIfAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isStoreError(error, 'not_found')) return undefined
    throw error
  }
}
