import type { FileId } from '../../model/file.ts'
import { prepared } from './prepared.ts'

/** Makes the chunks that begin at `start` or behind it and before `end` those of another list, `by` bytes further on. */
export const moveChunks = prepared(
  (db, values: { id: FileId; start: number; end: number; toId: FileId; by: number }) =>
    db
      .updateTable('file_chunks')
      .set((eb) => ({ file_id: values.toId, start: eb('start', '+', values.by) }))
      .where('file_id', '=', values.id)
      .where('start', '>=', values.start)
      .where('start', '<', values.end),
)

/** One row if a chunk of the list begins there. */
export const selectChunkAt = prepared((db, values: { id: FileId; start: number }) =>
  db
    .selectFrom('file_chunks')
    .select('start')
    .where('file_id', '=', values.id)
    .where('start', '=', values.start),
)
