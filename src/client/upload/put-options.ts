import type { Conditions } from '../files/delete-file.ts'
import type { FileInfo } from '../files/file-info.ts'
import type { Description } from './metadata-header.ts'

export interface UploadOptions extends Description, Conditions {
  readonly signal?: AbortSignal | undefined
  /** Parts of one file that are sent side by side; 4 if not given. */
  readonly parallel?: number | undefined
  /**
   * The file behind the name, or `null` for none, where a listing has told. If not given, the
   * server is asked.
   */
  readonly present?: FileInfo | null | undefined
}

export interface PutResult {
  readonly file: FileInfo
  /**
   * The name had a file with this content already: nothing was stored, no precondition was asked,
   * and its media type and metadata are as they were.
   */
  readonly isUnchanged: boolean
}
