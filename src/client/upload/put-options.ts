import type { Conditions } from '../files/delete-file.ts'
import type { FileInfo } from '../files/file-info.ts'
import type { Description } from './metadata-header.ts'

export interface UploadOptions extends Description, Conditions {
  readonly signal?: AbortSignal | undefined
  /** Parts of one file that are sent side by side; 4 if not given. */
  readonly parallel?: number | undefined
  /**
   * The present file with the name, or `null` for none, if a listing told. If not given, the server
   * is asked.
   */
  readonly present?: FileInfo | null | undefined
}

export interface PutResult {
  readonly file: FileInfo
  /**
   * The name already had a file with this content: nothing was stored, no precondition was checked,
   * and media type and metadata stay as they were.
   */
  readonly isUnchanged: boolean
}
