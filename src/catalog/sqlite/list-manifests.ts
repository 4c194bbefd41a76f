import { isStoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { ListedManifest } from '../upkeep.ts'
import { fileOfRow } from './files.ts'
import { prepared } from './prepared.ts'
import { listRecords } from './records.ts'
import type { Database, FileTable } from './schema.ts'

export async function listManifests(
  db: Database,
  after: FileId | undefined,
  limit: number,
): Promise<readonly ListedManifest[]> {
  const listed: ListedManifest[] = []
  for (const row of await selectFiles(db, { after: after ?? '', limit })) {
    listed.push(await manifestOf(db, row).catch((error: unknown) => withoutFile(row, error)))
  }
  return listed
}

async function manifestOf(db: Database, row: FileTable): Promise<ListedManifest> {
  const { id, name } = row
  return { id, name, file: fileOfRow(row), locations: await listRecords(db, id) }
}

function withoutFile({ id, name }: FileTable, error: unknown): ListedManifest {
  if (isStoreError(error, 'corrupt')) return { id, name, locations: [] }
  throw error
}

const selectFiles = prepared((db, values: { after: string; limit: number }) =>
  db
    .selectFrom('files')
    .selectAll()
    .where('id', '>', values.after as FileId)
    .orderBy('id')
    .limit(values.limit),
)
