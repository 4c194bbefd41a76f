import { constants } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { adviseHugePages } from '../../src/system/advise-huge-pages.ts'
import { mib } from './sizes.ts'

/** As large as the chunks of the server, and as many at once, by default. */
const fileBytes = 8 * mib
const atOnce = 4

/**
 * Writes new files past the page cache, from memory that the disk takes as it is, and syncs each:
 * what is left of an upload if nothing is received, hashed or committed. Resolves with GB/s, and
 * leaves the files behind.
 */
export async function writeToDisk(directory: string, bytes: number): Promise<number> {
  await mkdir(directory, { recursive: true })
  // Memory that could grow begins at a page, and as the server's is of large ones.
  const memory = new SharedArrayBuffer(atOnce * fileBytes, { maxByteLength: atOnce * fileBytes })
  adviseHugePages(memory)
  Buffer.from(memory).fill('ashlar')
  const files = Math.ceil(bytes / fileBytes)
  let begun = 0
  const writeSome = async (content: Buffer) => {
    while (begun < files) await writeAndSync(join(directory, String(begun++)), content)
  }
  const start = performance.now()
  await Promise.all(
    Array.from({ length: atOnce }, (_, nth) =>
      writeSome(Buffer.from(memory, nth * fileBytes, Math.min(fileBytes, bytes))),
    ),
  )
  return bytes / (performance.now() - start) / 1e6
}

async function writeAndSync(path: string, content: Buffer): Promise<void> {
  await using file = await openDirectly(path)
  await file.write(content)
  await file.datasync()
}

/** As usual where system or file system know of nothing else. */
async function openDirectly(path: string): Promise<FileHandle> {
  const { O_CREAT, O_WRONLY, O_DIRECT } = constants
  try {
    return await open(path, O_CREAT | O_WRONLY | (O_DIRECT ?? 0))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EINVAL')) throw error
    return open(path, O_CREAT | O_WRONLY)
  }
}
