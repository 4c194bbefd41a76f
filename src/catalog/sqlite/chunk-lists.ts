import type { FileId } from '../../model/file.ts'
import { checkUse, sealOfUse } from '../seals.ts'
import { prepared } from './prepared.ts'
import type { Database } from './schema.ts'

export interface Move {
  readonly id: FileId
  readonly start: number
  readonly end: number
  readonly toId: FileId
  readonly by: number
}

/** Makes the chunks that begin at `start` or behind it and before `end` those of another list, `by` bytes further on. */
export async function moveChunks(db: Database, { id, start, end, toId, by }: Move): Promise<void> {
  for (let from = start; ;) {
    const rows = await selectUses(db, { id, from, end, limit: rowsPerStep })
    for (const row of rows) {
      checkUse(id, row)
      const to = row.start + by
      await moveUse(db, { id, start: row.start, toId, to, seal: sealOfUse(toId, to, row) })
      from = row.start + 1
    }
    if (rows.length < rowsPerStep) return
  }
}

const rowsPerStep = 256

const selectUses = prepared((db, values: { id: FileId; from: number; end: number; limit: number }) =>
  db
    .selectFrom('file_chunks as use')
    .innerJoin('chunks as chunk', 'chunk.id', 'use.chunk_id')
    .select(['use.start', 'use.seal', 'chunk.digest', 'chunk.size', 'chunk.block_digests'])
    .where('use.file_id', '=', values.id)
    .where('use.start', '>=', values.from)
    .where('use.start', '<', values.end)
    .orderBy('use.start')
    .limit(values.limit),
)

const moveUse = prepared(
  (db, values: { id: FileId; start: number; toId: FileId; to: number; seal: number }) =>
    db
      .updateTable('file_chunks')
      .set({ file_id: values.toId, start: values.to, seal: values.seal })
      .where('file_id', '=', values.id)
      .where('start', '=', values.start),
)

/** One row if a chunk of the list begins there. */
export const selectChunkAt = prepared((db, values: { id: FileId; start: number }) =>
  db
    .selectFrom('file_chunks')
    .select('start')
    .where('file_id', '=', values.id)
    .where('start', '=', values.start),
)
