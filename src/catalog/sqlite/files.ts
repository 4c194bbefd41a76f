import { sql } from 'kysely'
import { bytesOfDigest, digestOfBytes } from '../../model/digest.ts'
import { StoreError } from '../../model/errors.ts'
import { foldedName, foldText } from '../../model/fold-text.ts'
import type { FileId, FileName, FileRef, Metadata, Owner, StoredFile } from '../../model/file.ts'
import type { Location } from '../../model/chunk.ts'
import type {
  CommittedFile,
  FileChanges,
  FilePage,
  ListQuery,
  NewFile,
  Precondition,
  RecordMove,
  RecordPlace,
} from '../catalog.ts'
import { checkPrecondition } from '../check-precondition.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { namesPerStep, type SearchStep } from '../search-files.ts'
import { checkFile, sealOfFile } from '../seals.ts'
import { useChunks } from './chunks.ts'
import { prepared } from './prepared.ts'
import { addRecord, endRecords, moveRecord } from './records.ts'
import type { Database, FileTable } from './schema.ts'

export async function createFile(db: Database, file: NewFile, now: number): Promise<CommittedFile> {
  const { chunks, precondition, record, ...kept } = file
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
  const committed = await placeFile(db, { ...kept, size }, { precondition, record, now })
  await useChunks(db, file.id, 0, chunks)
  return committed
}

export interface Placing {
  readonly precondition: Precondition | undefined
  readonly record: RecordPlace | undefined
  readonly now: number
}

/** Puts the file behind its name and lets go what stands there. Rejects `precondition_failed`. */
export async function placeFile(
  db: Database,
  described: Omit<StoredFile, 'createdAt' | 'modifiedAt'>,
  { precondition, record, now }: Placing,
): Promise<CommittedFile> {
  const at = record?.at ?? now
  const file = { ...described, createdAt: record?.createdAt ?? at, modifiedAt: at }
  const current = await findFile(db, file.owner, { name: file.name })
  checkPrecondition(precondition, current)
  const ended = current ? await letGo(db, current.id, now) : []
  await insertFile(db, rowOfFile(file))
  await addRecord(db, file.id, record)
  return { file, hasReplaced: current !== undefined, ended }
}

export async function findFile(db: Database, owner: Owner, ref: FileRef): Promise<StoredFile | undefined> {
  const [row] =
    'id' in ref
      ? await selectById(db, { owner, id: ref.id })
      : await selectByName(db, { owner, name: ref.name })
  return row && fileOfRow(row)
}

/** A page of all names: searches go through `searchFiles`. */
export async function listFiles(db: Database, query: ListQuery): Promise<FilePage> {
  const { owner } = query
  return pageOfFiles(query, async (from, until, limit) => {
    const rows = await selectRange(db, { owner, from, until: until ?? behindAllText, q: '', limit })
    return rows.map(fileOfRow)
  })
}

/** Names from `from` on and before `until` (to the end without), those with `q` in them. */
export interface NamesToSearch {
  readonly owner: Owner
  readonly q: string
  readonly from: string
  readonly until: string | undefined
  readonly limit: number
}

export async function searchFiles(db: Database, { until, ...names }: NamesToSearch): Promise<SearchStep> {
  const end = until ?? behindAllText
  const [border] = await selectBorder(db, { owner: names.owner, from: names.from, until: end })
  const rows = await selectRange(db, { ...names, q: foldText(names.q), until: border?.name ?? end })
  return { files: rows.map(fileOfRow), ...(border && { next: border.name }) }
}

export async function updateFile(
  db: Database,
  owner: Owner,
  ref: FileRef,
  changes: FileChanges,
  precondition: Precondition | undefined,
  move: RecordMove | undefined,
  now: number,
): Promise<StoredFile> {
  const current = await findPresent(db, owner, ref, precondition)
  const { name = current.name, mediaType = current.mediaType, metadata = current.metadata } = changes
  const namesake = name === current.name ? undefined : await findFile(db, owner, { name })
  if (namesake) throw new StoreError('name_taken', 'Another file has that name: delete it first.')
  if (move) await moveRecord(db, current.id, move)
  const file = { ...current, name, mediaType, metadata, modifiedAt: move?.at ?? now }
  await changeFile(db, rowOfFile(file))
  return file
}

export async function deleteFile(
  db: Database,
  owner: Owner,
  ref: FileRef,
  precondition: Precondition | undefined,
  now: number,
): Promise<readonly Location[]> {
  const { id } = await findPresent(db, owner, ref, precondition)
  return letGo(db, id, now)
}

async function findPresent(
  db: Database,
  owner: Owner,
  ref: FileRef,
  precondition: Precondition | undefined,
): Promise<StoredFile> {
  const file = await findFile(db, owner, ref)
  if (!file) throw new StoreError('not_found', 'There is no such file.')
  checkPrecondition(precondition, file)
  return file
}

/** Resolves with where its record was kept. */
export async function letGo(db: Database, id: FileId, now: number): Promise<readonly Location[]> {
  await removeFile(db, { id })
  await insertDiscarded(db, { id, at: now })
  return endRecords(db, id)
}

/** Throws `corrupt` if the row is not as it was written. */
export function fileOfRow(row: FileTable): StoredFile {
  checkFile(row)
  return {
    id: row.id,
    owner: row.owner,
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
    owner: file.owner,
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

/** To SQLite every blob is greater than every text. */
const behindAllText = new Uint8Array()

const selectById = prepared((db, values: { owner: Owner; id: FileId }) =>
  db.selectFrom('files').selectAll().where('id', '=', values.id).where('owner', '=', values.owner),
)

const selectByName = prepared((db, values: { owner: Owner; name: FileName }) =>
  db.selectFrom('files').selectAll().where('owner', '=', values.owner).where('name', '=', values.name),
)

const selectRange = prepared(
  (db, values: { owner: Owner; from: string; until: string | Uint8Array; q: string; limit: number }) => ({
    // SQLite would take the shorter index, and read every row for what it lacks: that takes twice as long.
    compile: () =>
      sql<FileTable>`
        select * from files indexed by files_by_folded
        where owner = ${values.owner} and name >= ${values.from} and name < ${values.until}
          and instr(coalesce(folded, name), ${values.q}) > 0
        order by name limit ${values.limit}`.compile(db),
  }),
)

/** The first name that a step of a search does not look at. */
const selectBorder = prepared((db, values: { owner: Owner; from: string; until: string | Uint8Array }) =>
  db
    .selectFrom('files')
    .select('name')
    .where('owner', '=', values.owner)
    .where(sql<boolean>`name >= ${values.from} and name < ${values.until}`)
    .orderBy('name')
    .limit(1)
    .offset(namesPerStep),
)

export const insertFile = prepared((db, values: FileTable) =>
  db.insertInto('files').values({
    id: values.id,
    owner: values.owner,
    name: values.name,
    size: values.size,
    media_type: values.media_type,
    digest: values.digest,
    created_at: values.created_at,
    modified_at: values.modified_at,
    metadata: values.metadata,
    folded: values.folded,
    seal: values.seal,
  }),
)

export const changeFile = prepared((db, values: FileTable) =>
  db
    .updateTable('files')
    .set({
      name: values.name,
      folded: values.folded,
      size: values.size,
      media_type: values.media_type,
      digest: values.digest,
      metadata: values.metadata,
      created_at: values.created_at,
      modified_at: values.modified_at,
      seal: values.seal,
    })
    .where('id', '=', values.id),
)

export const removeFile = prepared((db, values: { id: FileId }) =>
  db.deleteFrom('files').where('id', '=', values.id),
)

export const insertDiscarded = prepared((db, values: { id: FileId; at: number }) =>
  db.insertInto('discarded').values({ file_id: values.id, discarded_at: values.at }),
)
