import { copyFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Catalog } from '../../src/catalog/catalog.ts'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { MemoryChunkStore } from '../../src/chunks/memory/memory-chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { deleteFile, updateFile } from '../../src/files/manifests/update-file.ts'
import { createFileStore, type FileStore } from '../../src/files/state/file-store.ts'
import { finishWithManifests } from '../../src/files/manifests/keep-manifests.ts'
import { parseFileName, defaultSpace, type StoredFile } from '../../src/model/file.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { Dice } from '../crash/dice.ts'
import { anId, completePart } from '../catalog/fixtures.ts'
import { readBack } from '../robustness/read-back.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { openCatalogHere } from '../support/catalog-here.ts'
import { localCaller } from '../../src/model/principal.ts'

interface AcknowledgedFile {
  readonly file: StoredFile
  readonly bytes: Buffer
}

/** A catalog as files on the disk, the bytes beside it, and what was acknowledged. */
export interface SampleStore {
  readonly directory: string
  readonly chunks: ChunkStore
  readonly manifests: ChunkStore
  readonly files: readonly AcknowledgedFile[]
  /** Names that were deleted or renamed away. */
  readonly gone: readonly string[]
}

const chunkSize = 4096

/** What a catalog consists of. */
export const catalogFiles = ['catalog.sqlite', 'catalog.sqlite-wal', 'catalog.sqlite.commits']

export function storeOver(
  stores: Pick<SampleStore, 'chunks' | 'manifests'> & { readonly catalog: Catalog },
  onBackgroundError: (error: unknown) => void,
): FileStore {
  return createFileStore(
    { ...stores, chunks: verifying(stores.chunks) },
    {
      chunkSize,
      maxUploadConcurrency: 4,
      maxDownloadConcurrencyPerFile: 4,
      maxDownloadConcurrency: 16,
      maxBufferMemory: 16 * 1024 * 1024,
      maxHotMemory: 1024 * 1024,
      maxFileSize: Infinity,
      uploadExpiryMs: 60_000,
      collectGraceMs: -1,
      orphanGraceMs: -1,
      onBackgroundError,
    },
  )
}

/**
 * Files of all kinds: empty, small, of many chunks, of shared content, joined, renamed, replaced,
 * and with metadata that does not fit a page. With a log, its catalog is as SIGKILL leaves it;
 * without, as a server that has stopped.
 */
export async function makeSampleStore(directory: string, hasLog: boolean): Promise<SampleStore> {
  const dice = new Dice('sample store')
  const [chunks, manifests] = [new MemoryChunkStore(), new MemoryChunkStore()]
  const live = join(directory, 'live.sqlite')
  const catalog = await openCatalogHere(live)
  const store = storeOver({ chunks, manifests, catalog }, (error) => {
    throw error
  })
  const put = (name: string, size: number, metadata = {}) =>
    uploadBytes(store, name, sampleChunk(size, dice.int(0, 30)).bytes, { metadata })
  for (let n = 0; n < 24; n++)
    await put(`folder ${n % 3}/file ${n}`, n === 8 ? 20_000 : dice.pick([0, 1, 100, 5000, 20_000]))
  await put('long', 300, { text: 'metadata '.repeat(900) })
  for (const n of [1, 2, 3]) await put(`folder ${n % 3}/file ${n}`, 6000 + n)
  for (const n of [4, 5])
    await deleteFile(store, localCaller, { name: parseFileName(`folder ${n % 3}/file ${n}`) })
  await collectGarbage(store)
  for (const n of [6, 7])
    await deleteFile(store, localCaller, { name: parseFileName(`folder ${n % 3}/file ${n}`) })
  await updateFile(
    store,
    localCaller,
    { name: parseFileName('folder 2/file 8') },
    { name: parseFileName('renamed') },
  )
  await joinParts(store, 'joined')
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
  const acknowledged: AcknowledgedFile[] = []
  for (const file of files) acknowledged.push({ file, bytes: await readBack(store, `@${file.id}`) })
  if (!hasLog) await catalog.close()
  for (const name of catalogFiles) {
    const from = join(directory, name.replace('catalog', 'live'))
    if (existsSync(from)) await copyFile(from, join(directory, name))
  }
  if (hasLog) await catalog.close()
  const gone = [4, 5, 6, 7, 8].map((n) => `folder ${n % 3}/file ${n}`)
  return { directory, chunks, manifests, files: acknowledged, gone }
}

/** A file that has the lists of two uploads, each of several chunks. */
async function joinParts(store: FileStore, name: string): Promise<void> {
  const parts: { readonly id: StoredFile['id'] }[] = []
  for (const seed of [41, 42]) {
    const uses = []
    for (const n of [0, 1, 2]) {
      const { digest, bytes, options } = sampleChunk(chunkSize, seed + 10 * n)
      uses.push({ digest, ...options, location: await store.chunks.put(digest, [bytes]) })
    }
    parts.push(await completePart(store.catalog, defaultSpace, uses))
  }
  const id = anId()
  const described = { id, space: defaultSpace, name: parseFileName(name), mediaType: 'a/b', metadata: {} }
  const partIds = parts.map((part) => part.id)
  await store.catalog.concatenateUploads({ ...described, expiresAt: Date.now() + 60_000 }, partIds)
  const now = Date.now()
  await finishWithManifests(store, [{ file: { ...described, createdAt: now, modifiedAt: now } }])
  for (const partId of partIds) await store.catalog.deleteUpload(partId)
}
