import type { Catalog, ChunkUse } from '../../catalog/catalog.ts'
import {
  confirmationPage,
  lostLocation,
  type CatalogRestore,
  type FoundChunk,
} from '../../catalog/catalog-restore.ts'
import type { ChunkStore, StoredChunk } from '../../chunks/chunk-store.ts'
import type { Location } from '../../model/chunk.ts'
import { blockBytes } from '../../model/digest.ts'
import { digestOfChunk } from '../../model/hashers.ts'
import { isStoreError } from '../../model/errors.ts'
import { atOnce } from '../../rx/at-once.ts'
import {
  eachManifestChunk,
  isConfirmation,
  readManifest,
  type Confirmation,
  type FileManifest,
  type ManifestChunk,
} from './file-manifest.ts'

export interface RebuildSources {
  /** Verified. */
  readonly chunks: ChunkStore
  readonly manifests: ChunkStore
}

export interface Rebuilt {
  /** Files that are in the new catalog. */
  readonly files: number
  /** Manifest pages that were read. */
  readonly manifests: number
  /** Damaged manifests: what they said is lost. */
  readonly damagedManifests: readonly Location[]
  /**
   * Chunks that are gone. Their files exist, and reading them fails with `corrupt` at the chunk.
   */
  readonly lostChunks: number
}

const batchSize = 1000
const manifestsAtOnce = 8
/**
 * Chunks of one manifest that are looked up at once: the catalog answers one call after the other.
 */
const chunksAtOnce = 32

/**
 * Fills an empty catalog with the files in the stores, from their manifests; unfinished uploads do
 * not come back. Reads only chunks that exist several times, so that each file gets a sound copy;
 * whether the others are sound is for a check to say. Damage is reported, and nothing is deleted.
 * `onRead` is told of each manifest.
 */
export async function rebuild(
  sources: RebuildSources,
  catalog: RestoredCatalog,
  onRead?: (bytes: number) => void,
): Promise<Rebuilt> {
  await inBatches(sources.chunks.list(), (batch) => catalog.addCandidates(batch))
  const restoring = new Restoring(sources, catalog)
  await atOnce(sources.manifests.list(), manifestsAtOnce, async (stored) => {
    await restoring.take(stored)
    onRead?.(stored.size)
  })
  await atOnce(restoring.waiting(), manifestsAtOnce, (stored) => restoring.takeConfirmed(stored))
  const { read, damagedManifests } = restoring
  return { ...(await catalog.endRestore()), manifests: read, damagedManifests }
}

type RestoredCatalog = Pick<Catalog, 'findChunk'> & CatalogRestore

/**
 * Files of a group wait until one of them is confirmed. If none ever is, a crash came before they
 * existed.
 */
class Restoring {
  readonly #sources: RebuildSources
  readonly #catalog: RestoredCatalog
  readonly #confirmed = new Set<string>()
  readonly #waiting: { readonly group: string; readonly stored: StoredChunk }[] = []
  readonly damagedManifests: Location[] = []
  read = 0

  constructor(sources: RebuildSources, catalog: RestoredCatalog) {
    this.#sources = sources
    this.#catalog = catalog
  }

  async take(stored: StoredChunk): Promise<void> {
    const manifest = await readStored(this.#sources.manifests, stored)
    if (!manifest) {
      this.damagedManifests.push(stored.location)
      return
    }
    this.read += 1
    if (isConfirmation(manifest)) {
      this.#confirmed.add(manifest.group)
      const { id } = manifest
      const { location } = stored
      await this.#catalog.restoreManifest({
        id,
        file: undefined,
        start: confirmationPage,
        chunks: [],
        location,
      })
    } else if (manifest.group !== undefined && !this.#confirmed.has(manifest.group)) {
      this.#waiting.push({ group: manifest.group, stored })
    } else {
      await this.#restore(manifest, stored)
    }
  }

  *waiting(): Generator<StoredChunk> {
    for (const { group, stored } of this.#waiting) if (this.#confirmed.has(group)) yield stored
  }

  async takeConfirmed(stored: StoredChunk): Promise<void> {
    const manifest = await readStored(this.#sources.manifests, stored)
    if (manifest && !isConfirmation(manifest)) await this.#restore(manifest, stored)
    else this.damagedManifests.push(stored.location)
  }

  async #restore({ id, file, start, chunks }: FileManifest, { location }: StoredChunk): Promise<void> {
    const uses = await atOnce(eachManifestChunk(chunks), chunksAtOnce, (chunk) =>
      useOf(this.#catalog, this.#sources.chunks, chunk),
    )
    await this.#catalog.restoreManifest({ id, file, start, chunks: uses, location })
  }
}

/** Undefined if it is damaged. */
async function readStored(
  manifests: ChunkStore,
  { location, size }: StoredChunk,
): Promise<FileManifest | Confirmation | undefined> {
  const bytes = Buffer.alloc(size)
  try {
    // A manifest is verified by the digest in it.
    await manifests.read(location, 0, bytes, { size, blockDigests: new Uint8Array() })
    return readManifest(bytes.toString('utf8'))
  } catch (error) {
    if (isStoreError(error, 'corrupt')) return undefined
    throw error
  }
}

async function useOf(
  catalog: Pick<Catalog, 'findChunk'> & CatalogRestore,
  chunks: ChunkStore,
  chunk: ManifestChunk,
): Promise<ChunkUse> {
  const { size, blockDigests } = chunk
  const digest = digestOfChunk(blockDigests)
  const use = { digest, size, blockDigests }
  if (await catalog.findChunk(digest)) return use
  const found = (await catalog.listCandidates(digest)).filter((candidate) => candidate.size === size)
  return { ...use, location: await bestOf(chunks, chunk, found) }
}

/** A sound copy, if there is a choice. */
async function bestOf(
  chunks: ChunkStore,
  chunk: ManifestChunk,
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
  { size, blockDigests }: ManifestChunk,
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
