import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { lastValueFrom, mergeMap, range } from 'rxjs'
import type { Catalog, ChunkUse, NewFile } from '../../src/catalog/catalog.ts'
import { digestBytes, digestOfBytes, FileHasher } from '../../src/model/digest.ts'
import { parseFileName, soleOwner, type FileId, type FileName } from '../../src/model/file.ts'
import type { Location } from '../../src/model/chunk.ts'

/** Calls under way: enough for the catalog to commit many together. */
const atOnce = 512
const filesPerFolder = 100

/** The name of a file by its number: a hundred in a folder. */
export function nameOf(index: number): FileName {
  const folder = String(Math.floor(index / filesPerFolder)).padStart(5, '0')
  return parseFileName(`folder-${folder}/file-${String(index % filesPerFolder).padStart(5, '0')}`)
}

/**
 * Creates as many files in the catalog, each of a chunk of its own, as uploads would. Where `chunkOf` has no chunk that is really there, one is made up: nobody
 * will read it.
 */
export async function fillCatalog(
  catalog: Catalog,
  files: number,
  chunkOf: (index: number) => ChunkUse | undefined,
): Promise<void> {
  const create = (index: number) => catalog.createFile(newFile(index, chunkOf(index) ?? madeUp(index)))
  await lastValueFrom(range(0, files).pipe(mergeMap(create, atOnce)))
}

function newFile(index: number, chunk: ChunkUse): NewFile {
  const hasher = new FileHasher()
  hasher.add(chunk.digest)
  return {
    id: randomUUIDv7() as FileId,
    owner: soleOwner,
    name: nameOf(index),
    mediaType: 'application/octet-stream',
    metadata: {},
    digest: hasher.digest(),
    chunks: [chunk],
  }
}

/** Digests that ascend make trees of the same depth as others do, and fill them much faster. */
function madeUp(index: number): ChunkUse {
  const blockDigests = randomBytes(digestBytes)
  blockDigests.writeUInt32BE(index)
  const digest = digestOfBytes(blockDigests)
  const location = `${digest.slice(0, 2)}/${digest}.${digest.slice(-16)}` as Location
  return { digest, size: 4096, blockDigests, location }
}
