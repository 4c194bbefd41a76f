import { Readable } from 'node:stream'
import type { FileStore } from '../../files/state/file-store.ts'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'

const chunksPerPage = 256

/**
 * The JSON of `info` with the list of the chunks that make up the first `bytes` bytes of a file or
 * an upload. The list may be long, so it is read while it is sent. Errors if the chunks do not
 * join: an upload can be compacted or deleted meanwhile, and a wrong list must not look complete.
 */
export function withChunks(store: FileStore, info: { readonly id: FileId }, bytes: number): Readable {
  return Readable.from(jsonOf(store, info, bytes))
}

async function* jsonOf(
  store: FileStore,
  info: { readonly id: FileId },
  bytes: number,
): AsyncGenerator<string> {
  yield `${JSON.stringify(info).slice(0, -1)},"chunks":[`
  for (let at = 0; at < bytes;) {
    const entries: string[] = []
    const from = at
    for (const { start, size, digest } of await store.catalog.listChunks(info.id, at, chunksPerPage)) {
      if (start >= bytes) break
      if (start !== at || start + size > bytes) throw doNotJoin(info.id, at)
      entries.push(JSON.stringify({ start, size, digest }))
      at += size
    }
    if (at === from) throw doNotJoin(info.id, at)
    yield `${from > 0 ? ',' : ''}${entries.join(',')}`
  }
  yield ']}\n'
}

function doNotJoin(id: FileId, at: number): StoreError {
  return new StoreError('corrupt', `The chunks of ${id} do not join at byte ${at}.`)
}
