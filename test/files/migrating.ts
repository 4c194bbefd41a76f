import { expect } from 'vitest'
import { checkStore, type BadChunk, type BadList, type BadManifest } from '../../src/admin/check-store.ts'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { deleteFile } from '../../src/files/manifests/update-file.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { findOrphans } from '../../src/files/upkeep/find-orphans.ts'
import { migrateFiles } from '../../src/files/copy/migrate-files.ts'
import type { MigrationSource } from '../../src/files/copy/migration.ts'
import { parseFileName, defaultSpace, type StoredFile } from '../../src/model/file.ts'
import { eventually } from '../robustness/eventually.ts'
import { expectIdle } from '../robustness/store-contents.ts'
import { localCaller } from '../../src/model/principal.ts'

export interface MigrationOutcome {
  readonly copied: readonly string[]
  readonly changed: readonly string[]
  readonly unchanged: readonly string[]
  /** Names, each with what was said of it. */
  readonly failed: readonly string[]
  readonly bytes: number
  /** Why it did not come to its end. */
  readonly stoppedBy?: unknown
}

export interface MigratingOptions {
  /** Only names that begin so: catalogs are shared by tests. */
  readonly prefix: string
  readonly signal?: AbortSignal
}

/** Migrates, and waits until nothing goes on any more. */
export async function migrated(
  source: MigrationSource,
  target: FileStore,
  { prefix, signal = new AbortController().signal }: MigratingOptions,
): Promise<MigrationOutcome> {
  const names = { copied: [] as string[], changed: [] as string[], unchanged: [] as string[] }
  const failed: string[] = []
  let bytes = 0
  const report = {
    advanced: (more: number) => {
      bytes += more
    },
    done: ({ name }: StoredFile, outcome: keyof typeof names) => void names[outcome].push(name),
    failed: ({ name }: StoredFile, error: unknown) =>
      void failed.push(`${name}: ${(error as Error).message}`),
  }
  const stopped = await migrateFiles(source, target, {
    space: localCaller.space,
    prefix,
    signal,
    report,
  }).then(
    () => ({}),
    (stoppedBy: unknown) => ({ stoppedBy }),
  )
  expect(target.pool.leasedBytes).toBe(0)
  expect(target.storing.running + target.storing.waiting + target.reading.running).toBe(0)
  for (const each of [...Object.values(names), failed]) each.sort()
  return { ...names, failed, bytes, ...stopped }
}

/** All that a migration keeps of the files with a prefix. */
export async function contentsOf({ catalog }: MigrationSource, prefix: string) {
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix, limit: 1000 })
  const withChunks = async (file: StoredFile) => {
    const chunks = await catalog.listChunks(file.id, 0, 100_000)
    return { ...file, chunks: chunks.map(({ start, size, digest }) => ({ start, size, digest })) }
  }
  return Promise.all(files.map(withChunks))
}

export function findByName({ catalog }: FileStore, name: string): Promise<StoredFile | undefined> {
  return catalog.findFile(defaultSpace, { name: parseFileName(name) })
}

/** Of a store with times of grace that are 0. */
export async function collectAll(store: FileStore): Promise<void> {
  await findOrphans(store)
  // What was unlinked, or found, within this millisecond is not old enough before the next one.
  const now = Date.now()
  await eventually(() => expect(Date.now()).toBeGreaterThan(now))
  await collectGarbage(store)
}

/** Deletes all files and uploads, and collects what they had. */
export async function empty(store: FileStore): Promise<void> {
  const { catalog } = store
  const { files } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
  for (const { id } of files) await deleteFile(store, localCaller, { id })
  for (const { id } of await catalog.listUploads(defaultSpace, 1000)) await catalog.deleteUpload(id)
  await collectAll(store)
}

/**
 * Fails unless the store is idle and sound, and has, collected, the chunks and the manifests of its
 * files and uploads, and no others.
 */
export async function expectSound(store: FileStore, prefix: string): Promise<void> {
  await expectIdle(store)
  await collectAll(store)
  const { catalog, chunks, manifests } = store
  const known: string[] = []
  const found: (BadChunk | BadList | BadManifest)[] = []
  const report = {
    foundChunk: async (bad: BadChunk) => void found.push(bad),
    foundList: async (bad: BadList) => void found.push(bad),
    // Others with the same catalog keep their manifests elsewhere.
    foundManifest: async (bad: BadManifest) => {
      if (bad.name.startsWith(prefix)) found.push(bad)
    },
    foundFault: async (fault: string) => expect.fail(fault),
  }
  const toRead = {
    inspection: catalog,
    chunks,
    manifests,
    unverified: chunks,
    address: '',
    graces: store.options,
    close: async () => {},
  }
  const summary = await checkStore(toRead, { isQuick: false }, report)
  expect(found).toEqual([])
  expect(summary).toMatchObject({ unknown: 0 })
  for (const { id } of await contentsOf(store, prefix)) known.push(...(await catalog.listManifestPages(id)))
  const kept: string[] = []
  for await (const { location } of manifests.list()) kept.push(location)
  expect(kept.sort()).toEqual(known.sort())
}
