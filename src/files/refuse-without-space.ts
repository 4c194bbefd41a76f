import { StoreError } from '../model/errors.ts'
import type { FileStore } from './file-store.ts'

/**
 * Throws `no_space` if a file of so many bytes would not fit at the moment. Nothing is reserved, neither for it nor for what other
 * unfinished uploads have announced: whoever comes too late is refused when the disk is full.
 */
export async function refuseWithoutSpace({ options }: FileStore, bytes: number): Promise<void> {
  if (!options.freeBytes || bytes <= (await options.freeBytes())) return
  throw new StoreError('no_space', `There is no room for ${bytes} bytes: delete something, or add space.`)
}
