import { isDeepStrictEqual } from 'node:util'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Condition } from '../../catalog/upkeep.ts'
import type { ChunkStore } from '../../chunks/chunk-store.ts'
import { packed, type Location } from '../../model/chunk.ts'
import { isStoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import {
  isConfirmation,
  readManifest,
  writeConfirmation,
  writeManifest,
  type Confirmation,
  type FileManifest,
} from './file-manifest.ts'
import { pagesOfChunks } from './keep-manifests.ts'

/** Where a manifest is read from, and what it is compared with. */
export interface ManifestSources {
  readonly catalog: Pick<Catalog, 'packChunks' | 'listManifestPages'>
  readonly manifests: Pick<ChunkStore, 'read'>
}

/** A file as the catalog has it, and the locations of its manifest. */
export interface KnownManifest {
  readonly file: StoredFile
  readonly locations: readonly Location[]
}

/** Resolves when this many bytes may be read. */
export type Pacing = (bytes: number) => Promise<void>

type Stored = FileManifest | Confirmation

/** How much longer a group makes a page: the names of all groups have one length. */
const groupBytes = `"group":"${crypto.randomUUID()}",`.length

/**
 * Reads a file's manifest and compares it with the catalog. It is `damaged` if it says anything
 * else, and `missing` if a rebuild would not find the file because a page or a needed confirmation
 * is gone. A manifest that was replaced or deleted meanwhile is `sound`. Rejects what the stores
 * reject if nothing can be told.
 */
export async function checkManifest(
  sources: ManifestSources,
  manifest: KnownManifest,
  pacing?: Pacing,
): Promise<Condition> {
  const condition = await conditionOf(sources, manifest, pacing)
  if (condition === 'sound') return condition
  const current = await sources.catalog.listManifestPages(manifest.file.id)
  return isDeepStrictEqual(current, manifest.locations) ? condition : 'sound'
}

async function conditionOf(
  { catalog, manifests }: ManifestSources,
  { file, locations }: KnownManifest,
  pacing: Pacing | undefined,
): Promise<Condition> {
  const { id } = file
  const read = (index: number, lengths: readonly number[]) =>
    readStored(manifests, locations[index], lengths, pacing)
  let group: string | undefined
  let index = 0
  for await (const page of pagesOf(catalog, file)) {
    const { length } = writeManifest(page)
    const found = await read(index, index === 0 ? [length, length + groupBytes] : [length])
    if (typeof found === 'string') return found
    if (!isSamePage(page, found)) return 'damaged'
    if (index === 0) ({ group } = found)
    index++
  }
  // Without a group it needs no confirmation, whether it has one or not.
  if (group === undefined) return 'sound'
  const confirmation = { id, group }
  const found = await read(index, [writeConfirmation(confirmation).length])
  if (typeof found === 'string') return found
  return isDeepStrictEqual(found, confirmation) ? 'sound' : 'damaged'
}

/**
 * The length of a stored page follows from its content, so nobody has to look it up. Tries each
 * length: a shorter page cannot be read, and a longer one is not whole.
 */
async function readStored(
  manifests: ManifestSources['manifests'],
  location: Location | undefined,
  lengths: readonly number[],
  pacing: Pacing | undefined,
): Promise<Stored | 'damaged' | 'missing'> {
  if (location === undefined) return 'missing'
  for (const size of lengths) {
    await pacing?.(size)
    const bytes = Buffer.alloc(size)
    try {
      await manifests.read(location, 0, bytes, { size, blockDigests: new Uint8Array() })
      return readManifest(bytes.toString('utf8'))
    } catch (error) {
      if (isStoreError(error, 'not_found')) return 'missing'
      if (!isStoreError(error, 'corrupt')) throw error
    }
  }
  return 'damaged'
}

function isSamePage(expected: FileManifest, found: Stored): found is FileManifest {
  if (isConfirmation(found)) return false
  const [{ chunks, ...others }, { chunks: foundChunks, group: _group, ...foundOthers }] = [expected, found]
  return (
    isDeepStrictEqual(foundOthers, others) &&
    isDeepStrictEqual(foundChunks.sizes, chunks.sizes) &&
    Buffer.compare(foundChunks.blockDigests, chunks.blockDigests) === 0
  )
}

/** What the pages of the manifest must contain. */
async function* pagesOf(catalog: ManifestSources['catalog'], file: StoredFile): AsyncGenerator<FileManifest> {
  const { id } = file
  let start = 0
  for await (const chunks of pagesOfChunks({ catalog }, id)) {
    yield { id, ...(start === 0 && { file }), start, chunks }
    for (const size of chunks.sizes) start += size
  }
  if (start === 0) yield { id, file, start, chunks: packed([]) }
}
