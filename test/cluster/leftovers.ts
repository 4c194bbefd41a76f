import type { OpenedStore, StoreToRead } from '../../src/admin/opened-store.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import type { Location } from '../../src/model/chunk.ts'
import type { ChunkPosition } from '../../src/catalog/upkeep.ts'
import { defaultSpace } from '../../src/model/file.ts'

const pageSize = 1000
const mostFiles = 10_000

/** The same process, to which nothing is too young to be collected. */
export function withoutGraces({ store }: OpenedStore): FileStore {
  // What was found within this millisecond counts, too.
  return { ...store, options: { ...store.options, collectGraceMs: -1, orphanGraceMs: -1, maxClockSkewMs: 0 } }
}

/** Of all chunks that a store has. */
export async function locationsIn(chunks: ChunkStore): Promise<readonly Location[]> {
  const locations: Location[] = []
  for await (const { location } of chunks.list()) locations.push(location)
  return locations
}

/**
 * What chunks and manifests there are beside those in use, and which of those there are not; a line
 * for each.
 */
export async function leftovers(
  { catalog, manifests }: FileStore,
  { inspection, chunks }: StoreToRead,
): Promise<readonly string[]> {
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: mostFiles })
  const ofFiles = await Promise.all(files.map(({ id }) => catalog.listManifestPages(id)))
  const now = Date.now()
  const unused = await inspection.countCollectable({
    unlinkedBefore: now,
    expiredBefore: 0,
    foundBefore: now,
  })
  return [
    ...(unused.chunks > 0 ? [`the catalog has ${unused.chunks} chunks to collect`] : []),
    ...differences('chunk', await locationsIn(chunks), await knownChunks(inspection)),
    ...differences('manifest', await locationsIn(manifests), ofFiles.flat()),
  ]
}

async function knownChunks(inspection: StoreToRead['inspection']): Promise<readonly Location[]> {
  const known: Location[] = []
  let after: ChunkPosition | undefined
  do {
    const page = await inspection.listAllChunks(after, pageSize)
    known.push(...page.map(({ location }) => location))
    after = page.at(-1)
  } while (after !== undefined)
  return known
}

function differences(
  what: string,
  found: readonly Location[],
  known: readonly Location[],
): readonly string[] {
  const [there, used] = [new Set(found), new Set(known)]
  return [
    ...found.filter((location) => !used.has(location)).map((location) => `${what} ${location} is not used`),
    ...known.filter((location) => !there.has(location)).map((location) => `${what} ${location} is missing`),
  ]
}
