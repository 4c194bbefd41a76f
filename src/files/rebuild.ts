import type { Catalog, ChunkUse } from '../catalog/catalog.ts'
import { lostLocation, type CatalogRestore, type FoundChunk } from '../catalog/catalog-restore.ts'
import type { ChunkStore, StoredChunk } from '../chunks/chunk-store.ts'
import type { Location } from '../model/chunk.ts'
import { blockBytes, digestOfChunk } from '../model/digest.ts'
import { isStoreError } from '../model/errors.ts'
import { eachRecorded, readRecord, type FileRecord, type RecordedChunk } from './file-record.ts'

export interface RebuildSources {
  /** Verified. */
  readonly chunks: ChunkStore
  readonly records: ChunkStore
}

export interface Rebuilt {
  /** In the new catalog, as far as they are there. */
  readonly files: number
  /** Pages of records that were read. */
  readonly records: number
  /** Records that are damaged: what they told is lost. */
  readonly damagedRecords: readonly Location[]
  /** Chunks of which nothing is left. Their files are there, and say `corrupt` where the chunk was. */
  readonly lostChunks: number
}

const batchSize = 1000
const recordsAtOnce = 32

/**
 * Fills an empty catalog with the files that the stores have, from their records; unfinished uploads are not among them. Reads no chunk but those
 * that are there several times, so that each file gets a sound one: whether the others are sound is for a check to say. What is damaged is reported, never deleted.
 */
export async function rebuild(
  { chunks, records }: RebuildSources,
  catalog: Pick<Catalog, 'findChunk'> & CatalogRestore,
): Promise<Rebuilt> {
  await inBatches(chunks.list(), (batch) => catalog.addFound(batch))
  const damagedRecords: Location[] = []
  let read = 0
  await each(records.list(), async (stored) => {
    const record = await readStored(records, stored)
    if (!record) {
      damagedRecords.push(stored.location)
      return
    }
    read += 1
    const uses = await Promise.all(
      [...eachRecorded(record.chunks)].map((chunk) => useOf(catalog, chunks, chunk)),
    )
    const { id, file, start } = record
    await catalog.restoreRecord({ id, file, start, chunks: uses, location: stored.location })
  })
  const restored = await catalog.endRestore()
  return { ...restored, records: read, damagedRecords }
}

/** Undefined if it is damaged. */
async function readStored(
  records: ChunkStore,
  { location, size }: StoredChunk,
): Promise<FileRecord | undefined> {
  const bytes = Buffer.alloc(size)
  try {
    // A record is checked by the digest in it.
    await records.read(location, 0, bytes, { size, blockDigests: new Uint8Array() })
    return readRecord(bytes.toString('utf8'))
  } catch (error) {
    if (isStoreError(error, 'corrupt')) return undefined
    throw error
  }
}

async function useOf(
  catalog: Pick<Catalog, 'findChunk'> & CatalogRestore,
  chunks: ChunkStore,
  chunk: RecordedChunk,
): Promise<ChunkUse> {
  const { size, blockDigests } = chunk
  const digest = digestOfChunk(blockDigests)
  const use = { digest, size, blockDigests }
  if (await catalog.findChunk(digest)) return use
  const found = (await catalog.listFound(digest)).filter((candidate) => candidate.size === size)
  return { ...use, location: await bestOf(chunks, chunk, found) }
}

/** One that is whole, if there is a choice. */
async function bestOf(
  chunks: ChunkStore,
  chunk: RecordedChunk,
  found: readonly FoundChunk[],
): Promise<Location> {
  const [first, ...others] = found
  if (!first) return lostLocation
  if (others.length === 0) return first.location
  for (const { location } of found) if (await isSound(chunks, location, chunk)) return location
  return first.location
}

async function isSound(
  chunks: ChunkStore,
  location: Location,
  { size, blockDigests }: RecordedChunk,
): Promise<boolean> {
  const block = Buffer.alloc(Math.min(size, blockBytes))
  try {
    for (let offset = 0; offset < size; offset += blockBytes) {
      await chunks.read(location, offset, block.subarray(0, size - offset), { size, blockDigests })
    }
    return true
  } catch (error) {
    if (isStoreError(error, 'corrupt') || isStoreError(error, 'not_found')) return false
    throw error
  }
}

async function inBatches<T>(
  all: AsyncIterable<T>,
  take: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  let batch: T[] = []
  for await (const one of all) {
    if (batch.push(one) < batchSize) continue
    await take(batch)
    batch = []
  }
  await take(batch)
}

/** A bounded number at once, and no more of the list in memory than these. */
async function each<T>(all: AsyncIterable<T>, take: (one: T) => Promise<void>): Promise<void> {
  const iterator = all[Symbol.asyncIterator]()
  const worker = async () => {
    for (;;) {
      const next = await iterator.next()
      if (next.done) return
      await take(next.value)
    }
  }
  await Promise.all(Array.from({ length: recordsAtOnce }, worker))
}
