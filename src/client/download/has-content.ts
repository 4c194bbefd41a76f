import type { Digest } from '../../model/digest.ts'
import type { Connection } from '../transport/connection.ts'
import type { ChunkInfo, FileInfo } from '../files/file-info.ts'
import { showChunks, undefinedIfAbsent } from '../files/show-file.ts'
import type { Source } from '../upload/source.ts'

/**
 * Whether the source has the content of these chunks from byte `at` on. Stops reading at the first
 * difference.
 */
export async function hasContent(
  { platform }: Connection,
  source: Pick<Source, 'read'>,
  chunks: readonly ChunkInfo[],
  signal: AbortSignal | undefined,
  at = 0,
  onSame?: (bytes: number) => void,
): Promise<boolean> {
  for (const { start, size, digest } of chunks) {
    const hasher = await platform.chunkHasher()
    let read = 0
    for await (const piece of source.read(at + start, at + start + size)) {
      signal?.throwIfAborted()
      hasher.update(piece)
      read += piece.length
    }
    if (read !== size || hasher.digest() !== digest) return false
    onSame?.(size)
  }
  return true
}

/** The digest of a file with these bytes if it is stored as one chunk. */
export async function digestAsOneChunk(
  { platform }: Connection,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Digest> {
  const file = await platform.fileHasher()
  if (bytes.length > 0) {
    const chunk = await platform.chunkHasher()
    chunk.update(bytes)
    file.update(chunk.digest())
  }
  return file.digest()
}

/** Whether the file equals the source. Reports each chunk that does. */
export async function hasContentOf(
  connection: Connection,
  file: FileInfo,
  source: Source,
  signal: AbortSignal | undefined,
  onSame?: (bytes: number) => void,
): Promise<boolean> {
  if (file.size !== source.size) return false
  // By its id: the name may have another file by now.
  const whole = await undefinedIfAbsent(showChunks(connection, `@${file.id}`, { signal }))
  return whole !== undefined && hasContent(connection, source, whole.chunks, signal, 0, onSame)
}
