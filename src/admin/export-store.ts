import { exportFiles } from '../files/copy/export-files.ts'
import { filesInSpace } from '../files/copy/files-in-space.ts'
import type { StoredFile } from '../model/file.ts'
import { localCaller } from '../model/principal.ts'
import type { StoreToRead } from './opened-store.ts'

export interface ExportSummary {
  readonly files: number
  readonly bytes: number
  /** They were there from an earlier run; included in `files`. */
  readonly unchanged: number
  readonly failed: number
}

export interface ExportReport {
  failed(file: StoredFile, error: unknown): void
  /** This many more bytes of the file are there. */
  progressed?(file: StoredFile, bytes: number): void
  exported?(): void
}

/** The files to export. */
export function exportable({ inspection }: StoreToRead, prefix: string): AsyncIterable<StoredFile> {
  return filesInSpace(inspection, localCaller.space, prefix)
}

/** Writes the files whose names begin with the prefix out as plain files; see `exportFiles`. */
export async function exportStore(
  { inspection, chunks }: StoreToRead,
  prefix: string,
  directory: string,
  report: ExportReport,
): Promise<ExportSummary> {
  const summary = { files: 0, bytes: 0, unchanged: 0, failed: 0 }
  await exportFiles(
    { catalog: inspection, chunks },
    {
      space: localCaller.space,
      prefix,
      directory,
      onExported: ({ size }, isUnchanged) => {
        summary.files += 1
        summary.bytes += size
        if (isUnchanged) summary.unchanged += 1
        report.exported?.()
      },
      onFailed: (file, error) => {
        summary.failed += 1
        report.failed(file, error)
      },
      onProgress: (file, bytes) => report.progressed?.(file, bytes),
    },
  )
  return summary
}
