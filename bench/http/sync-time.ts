import { open } from 'node:fs/promises'
import { quartiles } from '../samples.ts'

const times = 50
const bytes = Buffer.alloc(4096, 'ashlar')

/**
 * What the disk takes to sync a file that has grown by 4 KiB: median of some. Leaves the file
 * behind.
 */
export async function syncTimeMs(path: string): Promise<number> {
  await using file = await open(path, 'wx')
  const taken: number[] = []
  while (taken.length < times) {
    await file.write(bytes)
    const begun = performance.now()
    await file.datasync()
    taken.push(performance.now() - begun)
  }
  return quartiles(taken).median
}
