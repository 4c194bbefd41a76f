import { exportFiles } from '../files/export-files.ts'
import type { FileName } from '../model/file.ts'
import type { StoreToRead } from './opened-store.ts'

export interface ExportSummary {
  readonly files: number
  readonly bytes: number
  readonly failed: number
}

/** Writes the files whose names begin with the prefix out as plain files; see `exportFiles`. */
export async function exportStore(
  { survey, chunks }: StoreToRead,
  prefix: string,
  directory: string,
  onFailed: (name: FileName, error: unknown) => void,
): Promise<ExportSummary> {
  const summary = { files: 0, bytes: 0, failed: 0 }
  await exportFiles(
    { catalog: survey, chunks },
    {
      prefix,
      directory,
      onExported: ({ size }) => {
        summary.files += 1
        summary.bytes += size
      },
      onFailed: ({ name }, error) => {
        summary.failed += 1
        onFailed(name, error)
      },
    },
  )
  return summary
}
