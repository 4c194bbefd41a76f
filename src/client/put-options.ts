import type { Precondition } from './delete-file.ts'
import type { Description } from './metadata-header.ts'

export interface PutOptions extends Description, Precondition {
  readonly signal?: AbortSignal | undefined
  /** Parts of one file that are sent side by side; 4 if not given. */
  readonly parallel?: number | undefined
}
