import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { createAnew } from '../../src/catalog/sqlite/create-anew.ts'
import { SqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts'
import { DiskChunkStore } from '../../src/chunks/disk/disk-chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { rebuild, type Rebuilt } from '../../src/files/manifests/rebuild.ts'
import { defaultSpace, type StoredFile } from '../../src/model/file.ts'
import type { TestServer } from '../support/test-server.ts'

/** A catalog made of the server's stores alone, while the server still has its own. */
export async function rebuilt(
  server: TestServer,
): Promise<{ catalog: SqliteCatalog; outcome: Rebuilt; path: string }> {
  const path = join(dirname(server.chunkDirectory), 'rebuilt.sqlite')
  const chunks = verifying(await DiskChunkStore.open(server.chunkDirectory))
  const manifests = await DiskChunkStore.open(manifestsOf(server))
  let outcome: Rebuilt | undefined
  await createAnew(path, async (catalog) => {
    outcome = await rebuild({ chunks, manifests }, catalog)
  })
  await chunks.close()
  await manifests.close()
  const catalog = await SqliteCatalog.open(path)
  onTestFinished(() => catalog.close())
  return { catalog, outcome: outcome!, path }
}

/** With their chunks, and where their manifests are. */
export async function allFiles(catalog: Catalog) {
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: 10_000 })
  const withAll = async (file: StoredFile) => {
    const chunks = await catalog.listChunks(file.id, 0, 10_000)
    const manifests = await catalog.listManifestPages(file.id)
    return { ...file, chunks, manifests }
  }
  return Promise.all(files.map(withAll))
}

export function manifestsOf({ chunkDirectory }: TestServer): string {
  return join(dirname(chunkDirectory), 'records')
}
