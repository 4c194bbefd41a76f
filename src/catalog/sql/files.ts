import { sql } from 'kysely'
import type { Location } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'
import { maxNameBytes, type FileId, type FileRef, type Space, type StoredFile } from '../../model/file.ts'
import { foldText } from '../../model/fold-text.ts'
import type {
  CommittedFile,
  FileChanges,
  FilePage,
  ListQuery,
  NewFile,
  Precondition,
  ManifestMove,
  ManifestLocations,
} from '../catalog.ts'
import { checkPrecondition } from '../check-precondition.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { namesPerStep, type SearchStep } from '../search-files.ts'
import type { Database } from './dialect.ts'
import {
  changeFile,
  fileColumns,
  fileOfRow,
  type FileRow,
  insertFile,
  lockFile,
  rowOfFile,
} from './file-rows.ts'
import { pick, prepared, preparedTogether, type Queries } from './prepared.ts'
import { addManifest, moveManifest, sealedOf } from './manifests.ts'
import type { FileTable } from './schema.ts'
import { useChunks } from './use-chunks.ts'

export async function createFile(db: Database, file: NewFile): Promise<CommittedFile> {
  const { chunks, precondition, manifest, ...kept } = file
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
  const committed = await pointNameAt(db, { ...kept, size }, { precondition, manifest })
  await useChunks(db, file.id, 0, chunks)
  return committed
}

/** A page of all names: searches go through `searchFiles`. */
export async function listFiles(db: Database, query: ListQuery): Promise<FilePage> {
  const { space } = query
  return pageOfFiles(query, async (from, until = behindAllNames, limit) => {
    const rows = await selectRange(db, { space, from: withoutNull(from), until, q: '', limit })
    return rows.map(fileOfRow)
  })
}

/** Names that contain `q`, from `from` on and before `until` (or to the end). */
interface NamesToSearch {
  readonly space: Space
  readonly q: string
  readonly from: string
  readonly until: string | undefined
  readonly limit: number
}

export async function searchFiles(db: Database, names: NamesToSearch): Promise<SearchStep> {
  const { space, q, until: end = behindAllNames, limit } = names
  const from = withoutNull(names.from)
  const [border] = await selectBorder(db, { space, from, until: end })
  const rows = await selectRange(db, { space, from, until: border?.name ?? end, q: foldText(q), limit })
  return { files: rows.map(fileOfRow), ...(border && { next: border.name }) }
}

export async function updateFile(
  db: Database,
  space: Space,
  ref: FileRef,
  changes: FileChanges,
  precondition?: Precondition,
  move?: ManifestMove,
): Promise<StoredFile> {
  const current = await lockPresent(db, space, ref, precondition)
  const { name = current.name, mediaType = current.mediaType, metadata = current.metadata } = changes
  const file = { ...current, name, mediaType, metadata, modifiedAt: move?.at ?? db.now }
  try {
    await changeFile(db, rowOfFile(file))
  } catch (error) {
    if (!db.dialect.isNameTaken(error)) throw error
    throw new StoreError('name_taken', 'Another file has that name: delete it first.', { cause: error })
  }
  if (move) await moveManifest(db, current.id, move)
  return file
}

export async function deleteFile(
  db: Database,
  space: Space,
  ref: FileRef,
  precondition?: Precondition,
): Promise<readonly Location[]> {
  const { id } = await lockPresent(db, space, ref, precondition)
  return unlink(db, id)
}

async function lockPresent(
  db: Database,
  space: Space,
  ref: FileRef,
  precondition: Precondition | undefined,
): Promise<StoredFile> {
  const file = await lockFile(db, space, ref)
  if (!file) throw new StoreError('not_found', 'There is no such file.')
  checkPrecondition(precondition, file)
  return file
}

/** Longer than any name, and made of the last character. */
const behindAllNames = '\u{10ffff}'.repeat(maxNameBytes / 4 + 1)

/** The first string after `from` that PostgreSQL can hold: no name lies between the two. */
function withoutNull(from: string): string {
  const at = from.indexOf('\0')
  return at === -1 ? from : `${from.slice(0, at)}\u0001`
}

interface Range {
  readonly space: Space
  readonly from: string
  readonly until: string
}

/** The first name that a step of a search does not look at. */
const selectBorder = prepared((queries, values: Range) =>
  queries
    .selectFrom('files')
    .select('name')
    .where('owner', '=', values.space)
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
      where owner = ${values.space} and name >= ${values.from} and name < ${values.until}
        and ${contains(foldedName, values.q)}
      order by name limit ${values.limit}`,
)

interface Placing {
  readonly precondition: Precondition | undefined
  readonly manifest: ManifestLocations | undefined
}

/** Points the name to the file and unlinks the file that had it. Rejects `precondition_failed`. */
export async function pointNameAt(
  db: Database,
  described: Omit<StoredFile, 'createdAt' | 'modifiedAt'>,
  { precondition, manifest }: Placing,
): Promise<CommittedFile> {
  const at = manifest?.at ?? db.now
  const file = { ...described, createdAt: manifest?.createdAt ?? at, modifiedAt: at }
  for (;;) {
    const [inserted] = await insertFile(db, rowOfFile(file))
    const current = inserted ? undefined : await lockFile(db, file.space, { name: file.name })
    // The file that kept this one from being inserted has gone since.
    if (!inserted && !current) continue
    checkPrecondition(precondition, current)
    const ended = current ? await replaceFile(db, current.id, file) : []
    await addManifest(db, file.id, manifest)
    return { file, hasReplaced: current !== undefined, unlinkedManifests: ended }
  }
}

/** For a locked file. Resolves with the locations of its manifest. */
async function unlink(db: Database, id: FileId): Promise<readonly Location[]> {
  return sealedOf(id, await removeAndList(db, { oldId: id, now: db.now }))
}

async function replaceFile(db: Database, oldId: FileId, file: StoredFile): Promise<readonly Location[]> {
  return sealedOf(oldId, await replaceAndList(db, { ...rowOfFile(file), oldId, now: db.now }))
}

interface Leaving {
  readonly oldId: FileId
  readonly now: number
}

const unlinkOld = (queries: Queries, { oldId, now }: Leaving) =>
  queries.insertInto('discarded').values({ file_id: oldId, discarded_at: now })

const unlinkManifestsOfOld = (queries: Queries, { oldId }: Leaving) =>
  queries
    .updateTable('records')
    .set({ file_id: null })
    .where('file_id', '=', oldId)
    .returning(['location', 'page', 'seal'])

const removeAndList = preparedTogether(
  [(queries, { oldId }: Leaving) => queries.deleteFrom('files').where('id', '=', oldId), unlinkOld],
  unlinkManifestsOfOld,
)

/**
 * The new file takes the row of the old one, so transactions that wait for the row find the new
 * file.
 */
const takeRow = (queries: Queries, values: FileTable & Leaving) =>
  queries
    .updateTable('files')
    .set(pick(values, [...fileColumns, 'folded']))
    .where('id', '=', values.oldId)

const replaceAndList = preparedTogether([takeRow, unlinkOld], unlinkManifestsOfOld)

export const insertUnlinked = prepared((queries, values: { id: FileId; at: number }) =>
  queries.insertInto('discarded').values({ file_id: values.id, discarded_at: values.at }),
)
