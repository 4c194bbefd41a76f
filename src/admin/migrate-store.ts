import { filesInSpace } from '../files/copy/files-in-space.ts'
import { migrateFiles, type MigrationReport } from '../files/copy/migrate-files.ts'
import type { FileName } from '../model/file.ts'
import { localCaller } from '../model/principal.ts'
import type { OpenedStore, StoreToRead } from './opened-store.ts'

export interface MigrationSummary {
  /** Files that are new in the target. */
  readonly files: number
  readonly bytes: number
  /** Files that the target had under another name or description. */
  readonly changed: number
  readonly unchanged: number
  readonly failed: number
}

export interface Migrated {
  readonly summary: MigrationSummary
  /** Why some files may not have been looked at. */
  readonly stoppedBy?: unknown
}

export interface MigrateStoreOptions {
  readonly prefix: string
  readonly signal: AbortSignal
  readonly onFailed: (name: FileName, error: unknown) => void
  /** The target has received this many more bytes. */
  readonly onAdvanced: (bytes: number) => void
  readonly onDone: () => void
}

/**
 * Copies the files whose names begin with the prefix into a store that others may use at the same
 * time; see `migrateFiles`.
 */
export async function migrateStore(
  { inspection, chunks }: StoreToRead,
  { store }: Pick<OpenedStore, 'store'>,
  { prefix, signal, onFailed, onAdvanced, onDone }: MigrateStoreOptions,
): Promise<Migrated> {
  const summary = { files: 0, bytes: 0, changed: 0, unchanged: 0, failed: 0 }
  const report: MigrationReport = {
    advanced: onAdvanced,
    done({ size }, outcome) {
      if (outcome === 'copied') {
        summary.files += 1
        summary.bytes += size
      } else {
        summary[outcome] += 1
        onAdvanced(size)
      }
      onDone()
    },
    failed({ name }, error) {
      summary.failed += 1
      onFailed(name, error)
    },
  }
  const { space } = localCaller
  try {
    await migrateFiles({ catalog: inspection, chunks }, store, { space, prefix, signal, report })
    return { summary }
  } catch (stoppedBy) {
    return { summary, stoppedBy }
  }
}

/** Reports each file that has to be copied. */
export async function countFilesToMigrate(
  { inspection }: StoreToRead,
  { prefix, signal }: Pick<MigrateStoreOptions, 'prefix' | 'signal'>,
  onFound: (bytes: number) => void,
): Promise<void> {
  for await (const { size } of filesInSpace(inspection, localCaller.space, prefix)) {
    if (signal.aborted) return
    onFound(size)
  }
}
