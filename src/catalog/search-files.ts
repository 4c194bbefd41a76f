import type { StoredFile } from '../model/file.ts'
import type { FileSource } from './page-of-files.ts'

/** Names that one step of a search looks at: others get their turn every few milliseconds. */
export const namesPerStep = 4096

/** What a search has found among at most `namesPerStep` names. */
export interface SearchStep {
  readonly files: readonly StoredFile[]
  /** Where the next step begins; absent if no name is left. */
  readonly next?: string
}

/**
 * Searches in bounded steps, so that searches take turns and none holds up the others. A search
 * that nobody waits for any more ends with the step under way: `signal` rejects with its reason.
 */
export function inSteps(
  step: (from: string, until: string | undefined, limit: number) => Promise<SearchStep>,
  signal: AbortSignal | undefined,
): FileSource {
  return async (from, until, limit) => {
    const found: StoredFile[] = []
    for (let at: string | undefined = from; at !== undefined && found.length < limit;) {
      signal?.throwIfAborted()
      const { files, next }: SearchStep = await step(at, until, limit - found.length)
      found.push(...files)
      at = next
    }
    return found
  }
}
