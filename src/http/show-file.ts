import { Readable } from 'node:stream'
import { openFile, type OpenFile } from '../files/download.ts'
import type { FileStore } from '../files/file-store.ts'
import { StoreError } from '../model/errors.ts'
import { parseFileRef } from '../model/file.ts'
import { pathBehind, type HttpContext } from './context.ts'
import { fileInfo } from './file-info.ts'
import { etagOf } from './headers/etags.ts'

const chunksPerPage = 256

/** `GET /api/files/{ref}`: file info; with `?chunks=1` the chunk list too, streamed, for it may be long. */
export async function showFile(store: FileStore, ctx: HttpContext): Promise<void> {
  const open = await openFile(store, parseFileRef(pathBehind('/api/files/', ctx)))
  if (!open) throw new StoreError('not_found', 'There is no such file.')
  ctx.set('ETag', etagOf(open.file.digest))
  if (ctx.state.target.query.get('chunks') !== '1') {
    open.close()
    ctx.body = fileInfo(open.file)
    return
  }
  const json = Readable.from(infoWithChunks(store, open))
  json.once('close', open.close)
  ctx.type = 'json'
  ctx.body = json
}

async function* infoWithChunks(store: FileStore, { file }: OpenFile): AsyncGenerator<string> {
  yield `${JSON.stringify(fileInfo(file)).slice(0, -1)},"chunks":[`
  for (let at = 0; at < file.size;) {
    const chunks = await store.catalog.listChunks(file.id, at, chunksPerPage)
    const last = chunks.at(-1)
    if (!last) throw new StoreError('corrupt', `File ${file.id} has no chunk for byte ${at}.`)
    const entries = chunks.map(({ start, size, digest }) => JSON.stringify({ start, size, digest }))
    yield `${at > 0 ? ',' : ''}${entries.join(',')}`
    at = last.start + last.size
  }
  yield ']}'
}
