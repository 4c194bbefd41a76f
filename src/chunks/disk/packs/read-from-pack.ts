import type { Location } from '../../../model/chunk.ts'
import { StoreError } from '../../../model/errors.ts'
import type { KeptOpen } from '../fd-cache.ts'
import type { PackHeader } from './pack-header.ts'
import { readFully } from '../fs-calls.ts'
import { readPackHeader } from './read-pack-header.ts'

export interface EntryLocation {
  readonly location: Location
  /** The chunk's number in its pack. */
  readonly number: number
}

/**
 * As `readFully`, of a chunk in a pack that is open: its bytes end where the next one begins.
 * Rejects `not_found` if the pack has none of that number, `corrupt` if its header is damaged.
 */
export async function readFromPack(
  fd: number,
  kept: KeptOpen,
  { location, number }: EntryLocation,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  const header = await headerOf(fd, kept)
  if (!header) {
    throw new StoreError('corrupt', `The header of the pack of ${location} is damaged, and so is its copy.`)
  }
  const entry = header.get(number)
  if (!entry) throw new StoreError('not_found', `There is no chunk at ${location}.`)
  const length = Math.max(0, Math.min(into.length, entry.size - offset))
  return readFully(fd, entry.offset + offset, into.subarray(0, length), signal)
}

/** The header is read once while the file is open. */
function headerOf(fd: number, kept: KeptOpen): Promise<PackHeader | undefined> {
  kept.header ??= readPackHeader(fd).catch((error: unknown) => {
    // The next read tries again.
    delete kept.header
    throw error
  })
  return kept.header
}
