import { bytesOfDigest, digestOfBytes } from '../../model/digest.ts'
import { foldedName } from '../../model/fold-text.ts'
import type { FileId, FileName, FileRef, Metadata, Space, StoredFile } from '../../model/file.ts'
import { checkFile, sealOfFile } from '../seals.ts'
import { pick, prepared, type Queries } from './prepared.ts'
import type { Database } from './dialect.ts'
import type { FileTable } from './schema.ts'

export async function findFile(db: Database, space: Space, ref: FileRef): Promise<StoredFile | undefined> {
  const [row] =
    'id' in ref
      ? await selectById(db, { space, id: ref.id })
      : await selectByName(db, { space, name: ref.name })
  return row && fileOfRow(row)
}

/** The same, and locks the file until the transaction ends. */
export async function lockFile(db: Database, space: Space, ref: FileRef): Promise<StoredFile | undefined> {
  const [row] =
    'id' in ref ? await lockById(db, { space, id: ref.id }) : await lockByName(db, { space, name: ref.name })
  return row && fileOfRow(row)
}

export type FileRow = Omit<FileTable, 'folded'>

/** Throws `corrupt` if the row is not as it was written. */
export function fileOfRow(row: FileRow): StoredFile {
  checkFile(row)
  return {
    id: row.id,
    space: row.owner,
    name: row.name,
    size: row.size,
    mediaType: row.media_type,
    digest: digestOfBytes(row.digest),
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
    metadata: JSON.parse(row.metadata) as Metadata,
  }
}

export function rowOfFile(file: StoredFile): FileTable {
  const row = {
    id: file.id,
    owner: file.space,
    name: file.name,
    size: file.size,
    media_type: file.mediaType,
    digest: bytesOfDigest(file.digest),
    created_at: file.createdAt,
    modified_at: file.modifiedAt,
    metadata: JSON.stringify(file.metadata),
    folded: foldedName(file.name),
  }
  return { ...row, seal: sealOfFile(row) }
}

export const fileColumns = [
  'id',
  'owner',
  'name',
  'size',
  'media_type',
  'digest',
  'created_at',
  'modified_at',
  'metadata',
  'seal',
] as const

type ById = { readonly space: Space; readonly id: FileId }
type ByName = { readonly space: Space; readonly name: FileName }

const fileById = (queries: Queries, { space, id }: ById) =>
  queries.selectFrom('files').select(fileColumns).where('id', '=', id).where('owner', '=', space)

const fileByName = (queries: Queries, { space, name }: ByName) =>
  queries.selectFrom('files').select(fileColumns).where('owner', '=', space).where('name', '=', name)

const selectById = prepared(fileById)
const selectByName = prepared(fileByName)
const lockById = prepared((queries, values: ById, { lock }) =>
  fileById(queries, values).modifyEnd(lock('for update')),
)
const lockByName = prepared((queries, values: ByName, { lock }) =>
  fileByName(queries, values).modifyEnd(lock('for update')),
)

/** Returns a row unless a file has the name; waits for changes of that name that are under way. */
export const insertFile = prepared((queries, values: FileTable) =>
  queries
    .insertInto('files')
    .values(pick(values, [...fileColumns, 'folded']))
    .onConflict((conflict) => conflict.columns(['owner', 'name']).doNothing())
    .returning('id'),
)

export const changeFile = prepared((queries, values: FileTable) =>
  queries
    .updateTable('files')
    .set(pick(values, [...fileColumns, 'folded']))
    .where('id', '=', values.id),
)
