import { EMPTY, from, lastValueFrom, mergeMap, of, toArray } from 'rxjs'
import type { CheckedList, ChunkPosition, Condition, Holder, ListedManifest } from '../catalog/upkeep.ts'
import { atOnce, inBatches } from '../rx/at-once.ts'
import { checkChunk } from '../files/upkeep/check-chunk.ts'
import { checkManifest } from '../files/manifests/check-manifest.ts'
import type { Chunk, Location } from '../model/chunk.ts'
import { blockBytes, type Digest } from '../model/digest.ts'
import { isStoreError } from '../model/errors.ts'
import type { FileId } from '../model/file.ts'
import { BufferPool } from '../buffers/buffer-pool.ts'
import type { StoreToRead } from './opened-store.ts'

/** `unreadable`: the disk could not tell, perhaps because of permissions. */
export interface BadChunk {
  readonly condition: Exclude<Condition, 'sound'> | 'unreadable'
  readonly digest: Digest
  readonly location: Location
  readonly size: number
  /** Why it is unreadable. */
  readonly reason?: string
  /** Its users, as many as fit into a line. */
  readonly holders: readonly Holder[]
  readonly hasMoreHolders: boolean
}

/** A file whose manifest and catalog entry differ. */
export interface BadManifest extends Pick<ListedManifest, 'id' | 'name'> {
  readonly condition: BadChunk['condition']
  /** Why, if the manifest itself cannot show it. */
  readonly reason?: string
}

export type BadList = Required<CheckedList>

export interface StoreCheck {
  /** Resolves when the next call may follow. */
  foundChunk(chunk: BadChunk): Promise<void>
  foundList(list: BadList): Promise<void>
  foundManifest(manifest: BadManifest): Promise<void>
  /** The catalog itself is damaged, which may explain other findings. */
  foundFault(fault: string): Promise<void>
  /** A chunk of this many bytes was checked. */
  checked?(bytes: number): void
}

export interface CheckSummary {
  readonly files: number
  readonly uploads: number
  readonly chunks: number
  readonly bytes: number
  readonly damaged: number
  readonly missing: number
  readonly unreadable: number
  /** Faults that the catalog's engine finds. */
  readonly faults: number
  /** Files and uploads whose chunk list is wrong. */
  readonly inconsistent: number
  /** Files whose manifest is damaged, missing or unreadable. */
  readonly manifests: number
  /** Locations that no chunk has: of uploads under way, or left by a kill. Not damage. */
  readonly unknown: number
  readonly unknownBytes: number
}

/** What is held in memory, whatever the size of the store. */
const chunksPerPage = 256
const listsPerPage = 100
const locationsPerPage = 1000
const holdersPerChunk = 1000
const chunksAtOnce = 8

/**
 * Checks everything that a store promises to keep: every chunk list, every manifest, and every
 * chunk, by reading it or, with `isQuick`, by its presence and length. What changes meanwhile is
 * not reported. Rejects `unavailable` if the store as a whole cannot be read.
 */
export async function checkStore(
  store: StoreToRead,
  { isQuick }: { readonly isQuick: boolean },
  report: StoreCheck,
): Promise<CheckSummary> {
  const faults = await store.inspection.verify()
  for (const fault of faults) await report.foundFault(fault)
  const lists = await checkLists(store, report)
  const manifests = await checkManifests(store, report)
  const chunks = await checkChunks(store, isQuick, report)
  return { faults: faults.length, ...lists, manifests, ...chunks, ...(await countUnknown(store)) }
}

async function checkLists({ inspection }: StoreToRead, report: StoreCheck) {
  const counts = { files: 0, uploads: 0, inconsistent: 0 }
  let after: FileId | undefined
  for (;;) {
    const lists = await inspection.checkLists(after, listsPerPage)
    for (const { fault, ...list } of lists) {
      counts[list.isUpload ? 'uploads' : 'files']++
      if (fault === undefined) continue
      counts.inconsistent++
      await report.foundList({ ...list, fault })
    }
    after = lists.at(-1)?.id
    if (after === undefined) return counts
  }
}

/** Resolves with the number of bad ones. */
async function checkManifests(store: StoreToRead, report: StoreCheck): Promise<number> {
  let bad = 0
  let after: FileId | undefined
  for (;;) {
    const page = await store.inspection.listFileManifests(after, listsPerPage)
    for (const found of await atOnce(page, chunksAtOnce, (one) => findManifestFault(store, one))) {
      if (!found) continue
      bad++
      await report.foundManifest(found)
    }
    after = page.at(-1)?.id
    if (after === undefined) return bad
  }
}

async function findManifestFault(
  { inspection, manifests }: StoreToRead,
  { id, name, file, locations }: ListedManifest,
): Promise<BadManifest | undefined> {
  if (!file) return { id, name, condition: 'damaged', reason: 'its entry in the catalog is damaged' }
  try {
    const condition = await checkManifest({ catalog: inspection, manifests }, { file, locations })
    return condition === 'sound' ? undefined : { id, name, condition }
  } catch (error) {
    // The chunk list is damaged, which is reported by itself.
    if (isStoreError(error, 'corrupt')) return undefined
    return { id, name, condition: 'unreadable', reason: messageOf(error) }
  }
}

async function checkChunks(store: StoreToRead, isQuick: boolean, report: StoreCheck) {
  const pool = new BufferPool(chunksAtOnce * blockBytes)
  const counts = { chunks: 0, bytes: 0, damaged: 0, missing: 0, unreadable: 0 }
  const check = async (chunk: Chunk) => {
    const bad = await findFault(
      store,
      chunk,
      isQuick ? sizeReader(store, chunk) : blockReader(store, chunk, pool),
    )
    report.checked?.(chunk.size)
    return bad ? of(bad) : EMPTY
  }
  let after: ChunkPosition | undefined
  for (;;) {
    const page = await store.inspection.listAllChunks(after, chunksPerPage)
    const bad = from(page).pipe(
      mergeMap(check, chunksAtOnce),
      mergeMap((found) => found),
      toArray(),
    )
    for (const chunk of await lastValueFrom(bad)) {
      counts[chunk.condition]++
      await report.foundChunk(chunk)
    }
    counts.chunks += page.length
    for (const { size } of page) counts.bytes += size
    after = page.at(-1)
    if (after === undefined) return counts
  }
}

type BlockReader = (offset: number, length: number) => Promise<void>

function blockReader({ chunks }: StoreToRead, chunk: Chunk, pool: BufferPool): BlockReader {
  const { location, size, blockDigests } = chunk
  return async (offset, length) => {
    const lease = await lastValueFrom(pool.lease(blockBytes))
    try {
      await chunks.read(location, offset, lease.bytes.subarray(0, length), { size, blockDigests })
    } finally {
      lease.release()
    }
  }
}

/** Reads the last byte of all. */
function sizeReader({ unverified }: StoreToRead, { location, size, blockDigests }: Chunk): BlockReader {
  return async (offset, length) => {
    if (offset + length < size) return
    await unverified.read(location, size - 1, Buffer.alloc(1), { size, blockDigests })
  }
}

async function findFault(
  { inspection }: StoreToRead,
  chunk: Chunk,
  readBlock: BlockReader,
): Promise<BadChunk | undefined> {
  const { digest, location, size } = chunk
  const verdict = await checkChunk(chunk, readBlock).then(
    (condition) => ({ condition }),
    (error: unknown) => ({
      condition: 'unreadable' as const,
      reason: messageOf(error),
    }),
  )
  const { condition, ...reason } = verdict
  if (condition === 'sound') return undefined
  // A server may have collected or mended it while it was being read.
  const present = await inspection.findChunk(digest)
  if (present?.location !== location) return undefined
  const holders = await inspection.listHolders(digest, holdersPerChunk + 1)
  return {
    condition,
    digest,
    location,
    size,
    ...reason,
    holders: holders.slice(0, holdersPerChunk),
    hasMoreHolders: holders.length > holdersPerChunk,
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Locations that the store has and the catalog does not know. */
export async function countUnknown({ inspection, chunks }: StoreToRead) {
  const counts = { unknown: 0, unknownBytes: 0 }
  for await (const batch of inBatches(chunks.list(), locationsPerPage)) {
    const unknown = new Set(await inspection.listUnknown(batch.map(({ location }) => location)))
    for (const { location, size, isDamaged } of batch) {
      if (isDamaged || !unknown.has(location)) continue
      counts.unknown++
      counts.unknownBytes += size
    }
  }
  return counts
}
