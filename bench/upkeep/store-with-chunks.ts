import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import type { ChunkUse } from '../../src/catalog/catalog.ts'
import { locationInPack, newPackPath } from '../../src/chunks/disk/chunk-path.ts'
import { DiskChunkStore, diskBatching } from '../../src/chunks/disk/disk-chunk-store.ts'
import { writePackHeader } from '../../src/chunks/disk/packs/pack-header.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { BlockHasher, digestOfChunk, FileHasher } from '../../src/model/hashers.ts'
import { parseFileName, defaultSpace, type FileId, type FileName } from '../../src/model/file.ts'
import { benchFileStore } from '../bench-file-store.ts'

const chunkBytes = 1024
const chunksPerFile = 1000
const chunksPerPack = 8

/** The store of a server: in its directory, under the names that it gives. */
export async function withStoreIn<T>(directory: string, use: (store: FileStore) => Promise<T>): Promise<T> {
  const catalog = await SqliteCatalog.open(join(directory, 'catalog.sqlite'))
  const chunks = verifying(await DiskChunkStore.open(join(directory, 'chunks')))
  const manifests = await DiskChunkStore.open(join(directory, 'records'), { hasDurableDeletes: true })
  try {
    return await use(benchFileStore({ catalog, chunks, manifests, batching: diskBatching }))
  } finally {
    await chunks.close()
    await manifests.close()
    await catalog.close()
  }
}

/**
 * Fills it with so many small chunks, by the thousand, a thousand to a file, and resolves with the
 * names of the files. All is as uploads leave it, but for the syncs, which would take most of the
 * time.
 */
export async function addChunks(
  store: FileStore,
  directory: string,
  count: number,
): Promise<readonly FileName[]> {
  const names: FileName[] = []
  for (let added = 0; added < count; added += chunksPerFile) {
    const chunks = Array.from({ length: chunksPerFile / chunksPerPack }, () => writePack(directory)).flat()
    const hasher = new FileHasher()
    for (const { digest } of chunks) hasher.add(digest)
    const name = parseFileName(`file-${added}`)
    await store.catalog.createFile({
      id: randomUUIDv7() as FileId,
      space: defaultSpace,
      name,
      mediaType: 'application/octet-stream',
      metadata: {},
      digest: hasher.digest(),
      chunks,
    })
    names.push(name)
  }
  return names
}

/** As many as come together. */
function writePack(directory: string): readonly ChunkUse[] {
  const path = newPackPath()
  const chunks = Array.from({ length: chunksPerPack }, (_, number) => {
    const bytes = randomBytes(chunkBytes)
    const hasher = new BlockHasher()
    hasher.update(bytes)
    const blockDigests = hasher.finish()
    const digest = digestOfChunk(blockDigests)
    const use = { digest, size: chunkBytes, blockDigests, location: locationInPack(path, number) }
    return { number, bytes, ...use, use }
  })
  const header = writePackHeader(chunks)
  mkdirSync(join(directory, 'chunks', path.slice(0, 2)), { recursive: true })
  writeFileSync(
    join(directory, 'chunks', path),
    Buffer.concat([header, ...chunks.map(({ bytes }) => bytes), header]),
  )
  return chunks.map(({ use }) => use)
}
