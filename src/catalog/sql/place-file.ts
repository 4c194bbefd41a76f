import type { Location } from '../../model/chunk.ts'
import type { FileId, StoredFile } from '../../model/file.ts'
import type { CommittedFile, Precondition, RecordPlace } from '../catalog.ts'
import { checkPrecondition } from '../check-precondition.ts'
import type { Database } from './dialect.ts'
import { insertFile, lockFile, rowOfFile } from './file-rows.ts'
import { prepared, preparedTogether, type Queries } from './prepared.ts'
import { addRecord, sealedOf } from './records.ts'
import type { FileTable } from './schema.ts'

export interface Placing {
  readonly precondition: Precondition | undefined
  readonly record: RecordPlace | undefined
}

/** Puts the file behind its name and lets go what stands there. Rejects `precondition_failed`. */
export async function placeFile(
  db: Database,
  described: Omit<StoredFile, 'createdAt' | 'modifiedAt'>,
  { precondition, record }: Placing,
): Promise<CommittedFile> {
  const at = record?.at ?? db.now
  const file = { ...described, createdAt: record?.createdAt ?? at, modifiedAt: at }
  for (;;) {
    const [inserted] = await insertFile(db, rowOfFile(file))
    const current = inserted ? undefined : await lockFile(db, file.owner, { name: file.name })
    // The file that kept this one from being inserted has gone since.
    if (!inserted && !current) continue
    checkPrecondition(precondition, current)
    const ended = current ? await replaceFile(db, current.id, file) : []
    await addRecord(db, file.id, record)
    return { file, hasReplaced: current !== undefined, ended }
  }
}

/** Of a file that is locked. Resolves with where its record was kept. */
export async function letGo(db: Database, id: FileId): Promise<readonly Location[]> {
  return sealedOf(id, await removeAndList(db, { oldId: id, now: db.now }))
}

async function replaceFile(db: Database, oldId: FileId, file: StoredFile): Promise<readonly Location[]> {
  return sealedOf(oldId, await replaceAndList(db, { ...rowOfFile(file), oldId, now: db.now }))
}

interface Leaving {
  readonly oldId: FileId
  readonly now: number
}

const discardOld = (queries: Queries, { oldId, now }: Leaving) =>
  queries.insertInto('discarded').values({ file_id: oldId, discarded_at: now })

const endRecordsOfOld = (queries: Queries, { oldId }: Leaving) =>
  queries
    .updateTable('records')
    .set({ file_id: null })
    .where('file_id', '=', oldId)
    .returning(['location', 'page', 'seal'])

const removeAndList = preparedTogether(
  [(queries, { oldId }: Leaving) => queries.deleteFrom('files').where('id', '=', oldId), discardOld],
  endRecordsOfOld,
)

/** The new file takes the row of the old one: whoever waits for that row finds the new file there. */
const takeRow = (queries: Queries, values: FileTable & Leaving) =>
  queries
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
    .where('id', '=', values.oldId)

const replaceAndList = preparedTogether([takeRow, discardOld], endRecordsOfOld)

export const insertDiscarded = prepared((queries, values: { id: FileId; at: number }) =>
  queries.insertInto('discarded').values({ file_id: values.id, discarded_at: values.at }),
)
