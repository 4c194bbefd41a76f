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
  RecordPlace,
} from '../catalog.ts'
import { checkPrecondition } from '../check-precondition.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { namesPerStep, type SearchStep } from '../search-files.ts'
import { useChunks } from './chunks.ts'
import { isViolation } from './failures.ts'
import { changeFile, fileColumns, fileOfRow, insertFile, lockFile, rowOfFile } from './file-rows.ts'
import { letGo, replaceFile } from './let-go.ts'
import { prepared } from './prepared.ts'
import { addRecord, moveRecord } from './records.ts'
import type { Database } from './schema.ts'

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
  for (;;) {
    const [inserted] = await insertFile(db, rowOfFile(file))
    const current = inserted ? undefined : await lockFile(db, file.owner, { name: file.name })
    // What stood behind the name has gone since it kept the file from being inserted.
    if (!inserted && !current) continue
    checkPrecondition(precondition, current)
    const ended = current ? await replaceFile(db, current.id, file, now) : []
    await addRecord(db, file.id, record)
    return { file, hasReplaced: current !== undefined, ended }
  }
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

/** PostgreSQL has no text with this character, and neither has a name. */
export function hasNull({ prefix, q = '' }: ListQuery): boolean {
  return prefix.includes('\0') || q.includes('\0')
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
  const current = await lockPresent(db, owner, ref, precondition)
  const { name = current.name, mediaType = current.mediaType, metadata = current.metadata } = changes
  const file = { ...current, name, mediaType, metadata, modifiedAt: move?.at ?? now }
  try {
    await changeFile(db, rowOfFile(file))
  } catch (error) {
    if (!isViolation(error, 'files_by_name')) throw error
    throw new StoreError('name_taken', 'Another file has that name: delete it first.', { cause: error })
  }
  if (move) await moveRecord(db, current.id, move)
  return file
}

export async function deleteFile(
  db: Database,
  owner: Owner,
  ref: FileRef,
  precondition: Precondition | undefined,
  now: number,
): Promise<readonly Location[]> {
  const { id } = await lockPresent(db, owner, ref, precondition)
  return letGo(db, id, now)
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

/** The first name that a step of a search does not look at. */
const selectBorder = prepared((db, values: { owner: Owner; from: string; until: string }) =>
  db
    .selectFrom('files')
    .select('name')
    .where('owner', '=', values.owner)
    .where(sql<boolean>`name >= ${values.from} and name < ${values.until}`)
    .orderBy('name')
    .limit(1)
    .offset(namesPerStep),
)

const selectRange = prepared(
  (db, values: { owner: Owner; from: string; until: string; q: string; limit: number }) =>
    db
      .selectFrom('files')
      .select(fileColumns)
      .where('owner', '=', values.owner)
      .where(sql<boolean>`name >= ${values.from} and name < ${values.until}`)
      .where(sql<boolean>`strpos(coalesce(folded, name), ${values.q}) > 0`)
      .orderBy('name')
      .limit(values.limit),
)
