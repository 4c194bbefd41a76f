import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ChunkUse } from '../catalog.ts'
import { moveChunks, selectChunkAt } from './chunk-lists.ts'
import { useChunks } from './chunks.ts'
import { insertDiscarded } from './files.ts'
import type { Database } from './schema.ts'
import { isBoundByJoin } from './segments.ts'
import { findUnfinished } from './upload-rows.ts'

export async function recutUpload(
  db: Database,
  id: FileId,
  start: number,
  end: number,
  chunks: readonly ChunkUse[],
  replaced: FileId,
): Promise<void> {
  const { offset } = await findUnfinished(db, id)
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
  for (const border of [start, end]) {
    const [chunk] = await selectChunkAt(db, { id, start: border })
    if (!chunk && border !== offset) {
      throw new StoreError(
        'offset_conflict',
        `No chunk of the upload begins or ends at ${border}: look at its chunks again.`,
      )
    }
  }
  // Only lists that were let go are searched for chunks without a use, so what is replaced becomes one, with a new id.
  await moveChunks(db, { id, start, end, toId: replaced, by: 0 })
  await insertDiscarded(db, { id: replaced, at: 0 })
  await useChunks(db, id, start, chunks)
}
