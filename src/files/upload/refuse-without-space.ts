import type { FileStore } from '../state/file-store.ts'

/**
 * Throws `no_space` if a file of so many bytes would not fit at the moment. Nothing is reserved, neither for it nor for what other
 * unfinished uploads have announced: whoever comes too late is refused when the disk is full.
 */
export async function refuseWithoutSpace({ space }: FileStore, bytes: number): Promise<void> {
  await space.check(bytes)
}
