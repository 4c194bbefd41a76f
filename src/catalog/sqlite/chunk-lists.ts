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

/** Makes all chunks of a list those of another one as well, `by` bytes further on. */
export const copyChunks = prepared((db, values: { id: FileId; toId: FileId; by: number }) =>
  db
    .insertInto('file_chunks')
    .columns(['file_id', 'start', 'chunk_id'])
    .expression((eb) =>
      eb
        .selectFrom('file_chunks')
        .select((row) => [
          row.val(values.toId).as('file_id'),
          row('start', '+', values.by).as('start'),
          'chunk_id',
        ])
        .where('file_id', '=', values.id),
    ),
)

/** One row if a chunk of the list begins there. */
export const selectChunkAt = prepared((db, values: { id: FileId; start: number }) =>
  db
    .selectFrom('file_chunks')
    .select('start')
    .where('file_id', '=', values.id)
    .where('start', '=', values.start),
)
