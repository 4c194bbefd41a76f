import type { Location } from '../../model/chunk.ts'
import { isStoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ListedManifest } from '../upkeep.ts'
import type { Database } from './dialect.ts'
import { fileColumns, fileOfRow, type FileRow } from './file-rows.ts'
import { prepared } from './prepared.ts'
import { sealedOf } from './records.ts'
import type { RecordTable } from './schema.ts'
import { beforeAllIds } from './uploads.ts'

type PageRow = Pick<RecordTable, 'location' | 'page' | 'seal'>

/** Reads twice: it must see one state of the database. */
export async function listManifests(
  db: Database,
  after: FileId | undefined,
  limit: number,
): Promise<readonly ListedManifest[]> {
  const rows = await selectFiles(db, { after: after ?? beforeAllIds, limit })
  const pages = Map.groupBy(await selectPages(db, { ids: rows.map(({ id }) => id) }), ({ id }) => id)
  return rows.map((row) => manifestOf(row, pages.get(row.id) ?? []))
}

function manifestOf(row: FileRow, pages: readonly PageRow[]): ListedManifest {
  const { id, name } = row
  try {
    const locations: readonly Location[] = sealedOf(id, pages)
    return { id, name, file: fileOfRow(row), locations }
  } catch (error) {
    if (isStoreError(error, 'corrupt')) return { id, name, locations: [] }
    throw error
  }
}

const selectFiles = prepared((queries, values: { after: FileId; limit: number }) =>
  queries
    .selectFrom('files')
    .select(fileColumns)
    .where('id', '>', values.after)
    .orderBy('id')
    .limit(values.limit),
)

const selectPages = prepared((queries, values: { ids: readonly FileId[] }, { isAmong }) =>
  queries
    .selectFrom('records')
    .select(['location', 'page', 'seal', (eb) => eb.ref('file_id').$notNull().as('id')])
    .where(isAmong('file_id', values.ids, 'id'))
    .orderBy('file_id')
    .orderBy('page'),
)
