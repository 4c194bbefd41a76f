import type { Connection } from './connection.ts'
import type { ChunkInfo, FileInfo } from './file-info.ts'
import { showChunks, showFile, undefinedIfAbsent } from './show-file.ts'
import type { Source } from './source.ts'

/** Whether the source has, from byte `at` on, the content that these chunks have; reads no further than the first that differs. */
export async function hasContent(
  { platform }: Connection,
  source: Pick<Source, 'read'>,
  chunks: readonly ChunkInfo[],
  at = 0,
): Promise<boolean> {
  for (const { start, size, digest } of chunks) {
    const hasher = await platform.chunkHasher()
    let read = 0
    for await (const piece of source.read(at + start, at + start + size)) {
      hasher.update(piece)
      read += piece.length
    }
    if (read !== size || hasher.digest() !== digest) return false
  }
  return true
}

/** The file behind the name, if that is what the source has. */
export async function findSameFile(
  connection: Connection,
  name: string,
  source: Source,
  signal: AbortSignal | undefined,
): Promise<FileInfo | undefined> {
  const file = await undefinedIfAbsent(showFile(connection, name, { ...(signal && { signal }) }))
  if (file?.size !== source.size) return undefined
  // By its id: the name may have another file by now.
  const whole = await undefinedIfAbsent(showChunks(connection, `@${file.id}`, signal))
  if (!whole || !(await hasContent(connection, source, whole.chunks))) return undefined
  return file
}
