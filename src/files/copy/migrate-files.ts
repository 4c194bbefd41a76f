import { isStoreError } from '../../model/errors.ts'
import type { Space, StoredFile } from '../../model/file.ts'
import { atOnce } from '../../rx/at-once.ts'
import { filesInSpace } from './files-in-space.ts'
import { ChunkCopier } from './chunk-copier.ts'
import { deleteUpload } from '../resume/finish-upload.ts'
import { followChanges } from './follow-changes.ts'
import { migrateFile } from './migrate-file.ts'
import type { Migration, MigrationSource } from './migration.ts'

/** `changed`: the store had it under another name or description. */
type MigrationOutcome = 'copied' | 'changed' | 'unchanged'

export interface MigrationReport {
  /** The store has this many more bytes of a file that is being copied. */
  advanced(bytes: number): void
  done(file: StoredFile, outcome: MigrationOutcome): void
  /** The file was not copied, or not as it is now; the others are still tried. */
  failed(file: StoredFile, error: unknown): void
}

export interface MigrateOptions {
  readonly space: Space
  /** Only names that begin with this. */
  readonly prefix: string
  /** Stops early, with the signal's reason; running it again resumes. */
  readonly signal: AbortSignal
  readonly report: MigrationReport
}

const filesAtOnce = 16
/** Gives up after this many failures in a row that say a store cannot be used. */
const patience = 16

/**
 * Copies all files of a store into another one of any kind. A file keeps its description, its id
 * and the cuts between its chunks; content that is present is not copied. It replaces the file that
 * has its name in the target. Everything else in the target stays, including what the source no
 * longer has. Both stores may be in use; files that the source unlinks meanwhile are left out.
 * Rejects the signal's reason, what listing the source rejects, and `unavailable` or `no_space` if
 * nothing works any more; nothing goes on then.
 */
export async function migrateFiles(
  source: MigrationSource,
  store: Migration['store'],
  { space, prefix, signal: given, report }: MigrateOptions,
): Promise<void> {
  const stopping = new AbortController()
  const signal = AbortSignal.any([given, stopping.signal])
  const migration: Migration = {
    source,
    store,
    copier: new ChunkCopier(source.chunks, store, signal),
    onBytes: (bytes) => report.advanced(bytes),
  }
  let failedInARow = 0
  const work = async (file: StoredFile) => {
    try {
      const outcome = await migrate(migration, file)
      failedInARow = 0
      if (outcome) report.done(file, outcome)
    } catch (error) {
      signal.throwIfAborted()
      report.failed(file, error)
      if (isStoreError(error, 'unavailable') || isStoreError(error, 'no_space')) failedInARow += 1
      if (failedInARow === patience) stopping.abort(error)
    }
  }
  await atOnce(filesInSpace(source.catalog, space, prefix), filesAtOnce, work, signal)
}

/** Undefined if the file no longer exists. */
async function migrate(migration: Migration, file: StoredFile): Promise<MigrationOutcome | undefined> {
  try {
    return await bring(migration, file)
  } catch (error) {
    if (!isStoreError(error, 'not_found')) throw error
    // Its chunks may have been collected since it was listed.
    const current = await findNamesake(migration.source, file)
    if (current?.id !== file.id) await deleteUpload(migration.store, file.id)
    return current && bring(migration, current)
  }
}

async function bring(migration: Migration, file: StoredFile): Promise<MigrationOutcome> {
  const present = await migration.store.catalog.findFile(file.space, { id: file.id })
  if (present) return (await followChanges(migration.store, present, file)) ? 'changed' : 'unchanged'
  await migrateFile(migration, file)
  return 'copied'
}

/** Listing with the name as prefix shows the file with that name first. */
async function findNamesake(
  { catalog }: MigrationSource,
  { space, name }: StoredFile,
): Promise<StoredFile | undefined> {
  const { files } = await catalog.listFiles({ space, prefix: name, limit: 1 })
  return files.find((file) => file.name === name)
}
