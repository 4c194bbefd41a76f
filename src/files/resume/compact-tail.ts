import type { FileChunk } from '../../model/chunk.ts'
import { blockBytes } from '../../model/digest.ts'
import { BlockHasher, digestOfChunk } from '../../model/hashers.ts'
import type { Upload } from '../../model/upload.ts'
import type { Lease } from '../../buffers/buffer-pool.ts'
import { leaseBytesFor, type Counted, type Storage, type Transfer } from '../state/file-store.ts'
import { PendingParts } from '../upload/pending-parts.ts'

/** This many chunks of similar size at the end of an upload become one. */
const smallChunksToJoin = 16
/** Similar size: less than this many times the size of the last chunk. */
const likeness = 4
const maxTail = 1024

/**
 * Joins small chunks at the end of an upload, so that one that arrived in many small requests does
 * not stay fragmented. One call reads and stores less than a chunk's bytes for each size, and all
 * calls together touch each byte only a few times, so finishing has nothing left to do. If memory
 * is short or anything fails, the small chunks stay: they are as good, only more.
 */
export async function compactTail(store: Storage & Transfer & Counted, upload: Upload): Promise<void> {
  try {
    for (;;) {
      const { chunkSize } = store.options
      const small = smallChunksAtEnd(await tailOf(store, upload), chunkSize)
      if (!areWorthIt(small, chunkSize) || !(await join(store, upload, small))) return
    }
  } catch (error) {
    store.options.onBackgroundError(error, `joining small chunks of upload ${upload.id}`)
  }
}

async function tailOf(
  store: Pick<Storage, 'catalog' | 'options'>,
  { id, offset }: Upload,
): Promise<readonly FileChunk[]> {
  for (let bytes = store.options.chunkSize; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    const tail = await store.catalog.listChunks(id, Math.max(0, offset - bytes), maxTail)
    const last = tail.at(-1)
    if (last && last.start + last.size === offset) return tail
  }
  return []
}

function smallChunksAtEnd(tail: readonly FileChunk[], chunkSize: number): readonly FileChunk[] {
  const last = tail.at(-1)
  if (!last) return []
  const most = Math.min(chunkSize / 2, last.size * likeness)
  let bytes = 0
  const isSmall = ({ size }: FileChunk) => {
    bytes += size
    return size < most && bytes <= chunkSize
  }
  return tail.slice(tail.findLastIndex((chunk) => !isSmall(chunk)) + 1)
}

/** Whether there are enough of them, or so many bytes that another one would not fit. */
function areWorthIt(small: readonly FileChunk[], chunkSize: number): boolean {
  const bytes = small.reduce((sum, { size }) => sum + size, 0)
  const last = small.at(-1)?.size ?? 0
  return small.length >= smallChunksToJoin || (small.length > 1 && bytes + last > chunkSize)
}

/** Resolves with whether they are one chunk now. */
async function join(
  store: Storage & Transfer & Counted,
  { id }: Upload,
  small: readonly FileChunk[],
): Promise<boolean> {
  const leases: Lease[] = []
  try {
    const pieces = await readAll(store, small, leases)
    if (!pieces) return false
    const hasher = new BlockHasher()
    for (const piece of pieces) hasher.update(piece)
    const blockDigests = hasher.finish()
    const digest = digestOfChunk(blockDigests)
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const location = await store.storing.run(size, () => store.chunks.put(digest, pieces))
    const { start } = small[0]!
    const use = { digest, size, blockDigests, location }
    const part = { index: 0, use, putAfterAll: () => Promise.resolve(location), release: () => {} }
    await new PendingParts(store).handOver([part], (uses) =>
      store.catalog.compactUpload(id, start, start + size, uses),
    )
    return true
  } finally {
    for (const lease of leases) lease.release()
  }
}

/** Puts every lease into `leases`, even if memory does not suffice; undefined in that case. */
async function readAll(
  store: Storage & Transfer,
  small: readonly FileChunk[],
  leases: Lease[],
): Promise<readonly Uint8Array[] | undefined> {
  const pieces: Uint8Array[] = []
  let room: Buffer = Buffer.alloc(0)
  for (const { location, size, blockDigests } of small) {
    for (let offset = 0; offset < size; offset += blockBytes) {
      const length = Math.min(blockBytes, size - offset)
      if (room.length < length) {
        const lease = store.pool.tryLease(leaseBytesFor(length))
        if (!lease) return undefined
        leases.push(lease)
        room = lease.bytes
      }
      const piece = room.subarray(0, length)
      room = room.subarray(length)
      await store.chunks.read(location, offset, piece, { size, blockDigests })
      pieces.push(piece)
    }
  }
  return pieces
}
