import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ChunkUse } from '../catalog.ts'
import { moveChunks, selectChunksAt } from './chunk-lists.ts'
import type { Database } from './dialect.ts'
import { insertDiscarded } from './place-file.ts'
import { isBoundByJoin } from './segments.ts'
import { lockUnfinished } from './upload-rows.ts'
import { useChunks } from './use-chunks.ts'

export async function recutUpload(
  db: Database,
  id: FileId,
  start: number,
  end: number,
  chunks: readonly ChunkUse[],
): Promise<void> {
  const { offset } = await lockUnfinished(db, id)
  if (await isBoundByJoin(db, id)) {
    throw new StoreError('offset_conflict', 'The upload was joined: its chunks stay as they are.')
  }
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
  if (size !== end - start) {
    throw new StoreError(
      'invalid_request',
      `Chunks of ${size} bytes cannot replace the bytes ${start} to ${end}.`,
    )
  }
  const borders = new Set((await selectChunksAt(db, { id, start, end })).map((chunk) => chunk.start)).add(
    offset,
  )
  const torn = [start, end].find((border) => !borders.has(border))
  if (torn !== undefined) {
    throw new StoreError(
      'offset_conflict',
      `No chunk of the upload begins or ends at ${torn}: look at its chunks again.`,
    )
  }
  // Only lists that were let go are searched for chunks without a use, so what is replaced becomes one.
  const replaced = crypto.randomUUID() as FileId
  await moveChunks(db, { listId: id, start, end, toId: replaced, by: 0 })
  await insertDiscarded(db, { id: replaced, at: 0 })
  await useChunks(db, id, start, chunks)
}
