import { sql } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import { foldText } from '../../model/fold-text.ts'
import { maxNameBytes, type FileRef, type Owner, type StoredFile } from '../../model/file.ts'
import type { Location } from '../../model/chunk.ts'
import type {
  CommittedFile,
  FileChanges,
  FilePage,
  ListQuery,
  NewFile,
  Precondition,
  RecordMove,
} from '../catalog.ts'
import { checkPrecondition } from '../check-precondition.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { namesPerStep, type SearchStep } from '../search-files.ts'
import type { Database } from './dialect.ts'
import { changeFile, fileColumns, fileOfRow, lockFile, rowOfFile, type FileRow } from './file-rows.ts'
import { letGo, placeFile } from './place-file.ts'
import { prepared } from './prepared.ts'
import { moveRecord } from './records.ts'
import { useChunks } from './use-chunks.ts'

export async function createFile(db: Database, file: NewFile): Promise<CommittedFile> {
  const { chunks, precondition, record, ...kept } = file
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
  const committed = await placeFile(db, { ...kept, size }, { precondition, record })
  await useChunks(db, file.id, 0, chunks)
  return committed
}

/** A page of all names: searches go through `searchFiles`. */
export async function listFiles(db: Database, query: ListQuery): Promise<FilePage> {
  const { owner } = query
  return pageOfFiles(query, async (from, until = behindAllNames, limit) => {
    const rows = await selectRange(db, { owner, from: withoutNull(from), until, q: '', limit })
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

export async function searchFiles(db: Database, names: NamesToSearch): Promise<SearchStep> {
  const { owner, q, until: end = behindAllNames, limit } = names
  const from = withoutNull(names.from)
  const [border] = await selectBorder(db, { owner, from, until: end })
  const rows = await selectRange(db, { owner, from, until: border?.name ?? end, q: foldText(q), limit })
  return { files: rows.map(fileOfRow), ...(border && { next: border.name }) }
}

export async function updateFile(
  db: Database,
  owner: Owner,
  ref: FileRef,
  changes: FileChanges,
  precondition?: Precondition,
  move?: RecordMove,
): Promise<StoredFile> {
  const current = await lockPresent(db, owner, ref, precondition)
  const { name = current.name, mediaType = current.mediaType, metadata = current.metadata } = changes
  const file = { ...current, name, mediaType, metadata, modifiedAt: move?.at ?? db.now }
  try {
    await changeFile(db, rowOfFile(file))
  } catch (error) {
    if (!db.dialect.isNameTaken(error)) throw error
    throw new StoreError('name_taken', 'Another file has that name: delete it first.', { cause: error })
  }
  if (move) await moveRecord(db, current.id, move)
  return file
}

export async function deleteFile(
  db: Database,
  owner: Owner,
  ref: FileRef,
  precondition?: Precondition,
): Promise<readonly Location[]> {
  const { id } = await lockPresent(db, owner, ref, precondition)
  return letGo(db, id)
}

async function lockPresent(
  db: Database,
  owner: Owner,
  ref: FileRef,
  precondition: Precondition | undefined,
): Promise<StoredFile> {
  const file = await lockFile(db, owner, ref)
  if (!file) throw new StoreError('not_found', 'There is no such file.')
  checkPrecondition(precondition, file)
  return file
}

/** No name is as long, and no character sorts behind these. */
const behindAllNames = '\u{10ffff}'.repeat(maxNameBytes / 4 + 1)

/** The first string behind `from` that can be kept: between the two there is no name. */
function withoutNull(from: string): string {
  const at = from.indexOf('\0')
  return at === -1 ? from : `${from.slice(0, at)}\u0001`
}

interface Range {
  readonly owner: Owner
  readonly from: string
  readonly until: string
}

/** The first name that a step of a search does not look at. */
const selectBorder = prepared((queries, values: Range) =>
  queries
    .selectFrom('files')
    .select('name')
    .where('owner', '=', values.owner)
    .where(sql<boolean>`name >= ${values.from} and name < ${values.until}`)
    .orderBy('name')
    .limit(1)
    .offset(namesPerStep),
)

const foldedName = sql<string>`coalesce(folded, name)`

const selectRange = prepared(
  (_, values: Range & { readonly q: string; readonly limit: number }, { searchIndex, contains }) =>
    sql<FileRow>`
      select ${sql.join(fileColumns.map((name) => sql.ref(name)))} from files ${searchIndex}
      where owner = ${values.owner} and name >= ${values.from} and name < ${values.until}
        and ${contains(foldedName, values.q)}
      order by name limit ${values.limit}`,
)
