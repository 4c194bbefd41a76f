import type { Location } from '../../model/chunk.ts'
import type { FileId, StoredFile } from '../../model/file.ts'
import { rowOfFile } from './file-rows.ts'
import { sealedOf } from './records.ts'
import { prepared } from './prepared.ts'
import type { Database, FileTable } from './schema.ts'

/** Of a file that is locked. Resolves with where its record was kept. */
export async function letGo(db: Database, id: FileId, now: number): Promise<readonly Location[]> {
  return sealedOf(id, await removeFile(db, { id, now }))
}

/** The same, and puts another file behind the name. */
export async function replaceFile(
  db: Database,
  oldId: FileId,
  file: StoredFile,
  now: number,
): Promise<readonly Location[]> {
  return sealedOf(oldId, await takePlace(db, { ...rowOfFile(file), oldId, now }))
}

export const insertDiscarded = prepared((db, values: { id: FileId; at: number }) =>
  db.insertInto('discarded').values({ file_id: values.id, discarded_at: values.at }),
)

const removeFile = prepared((db, values: { id: FileId; now: number }) =>
  db
    .with('removed', (cte) => cte.deleteFrom('files').where('id', '=', values.id))
    .with('listed', (cte) =>
      cte.insertInto('discarded').values({ file_id: values.id, discarded_at: values.now }),
    )
    .updateTable('records')
    .set({ file_id: null })
    .where('file_id', '=', values.id)
    .returning(['location', 'page', 'seal']),
)

/** In the row of the old one: who waits for it meets the new one there. */
const takePlace = prepared((db, values: FileTable & { readonly oldId: FileId; readonly now: number }) =>
  db
    .with('replaced', (cte) =>
      cte
        .updateTable('files')
        .set({
          id: values.id,
          size: values.size,
          media_type: values.media_type,
          digest: values.digest,
          created_at: values.created_at,
          modified_at: values.modified_at,
          metadata: values.metadata,
          seal: values.seal,
        })
        .where('id', '=', values.oldId),
    )
    .with('listed', (cte) =>
      cte.insertInto('discarded').values({ file_id: values.oldId, discarded_at: values.now }),
    )
    .updateTable('records')
    .set({ file_id: null })
    .where('file_id', '=', values.oldId)
    .returning(['location', 'page', 'seal']),
)
