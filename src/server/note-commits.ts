import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogRestore } from '../catalog/catalog-restore.ts'
import { damage } from '../catalog/seals.ts'
import { noteFile } from '../chunks/disk/note-file.ts'
import { openIdentityObject } from '../chunks/s3/identity-object.ts'
import type { Config } from '../config/config.ts'
import { repeat, type Ongoing } from '../files/upkeep/repeat.ts'
import { nameOfCatalog, storeAddress } from './addresses.ts'
import { s3Options } from './s3-options.ts'

/*
 * The store is told, now and then, how many changes its catalog has counted. A catalog that has
 * counted fewer is an old copy that was put back: to it, files that came later would be garbage.
 * The note beside an SQLite catalog is exact, but is put back with it by whoever copies
 * `catalog.sqlite*`.
 */

const name = 'ashlar-commits.txt'

interface NoteFile {
  read(): Promise<string | undefined>
  replace(text: string): Promise<void>
  close(): void
}

/** Rejects `corrupt` if the store has been told of more changes than the catalog has counted. */
export async function refuseOlder(config: Config, catalog: Pick<Catalog, 'countCommits'>): Promise<void> {
  // What is read later is at least as high.
  const noted = await withNoteFile(config, noteIn)
  const counted = await catalog.countCommits()
  if (counted < noted)
    throw damage(
      `${nameOfCatalog(config)} is older than it was, with ${counted} of ${noted} changes: an old copy was put back`,
    )
}

/** Makes a rebuilt catalog continue the count from the note. */
export async function countOn(
  config: Config,
  catalog: Pick<CatalogRestore, 'countCommitsFrom'>,
): Promise<void> {
  await catalog.countCommitsFrom((await withNoteFile(config, noteIn)) + 1)
}

/** Notes the count every so often, and once more at the end. */
export function noteCommits(
  config: Config,
  catalog: Pick<Catalog, 'countCommits' | 'countDurableCommits'>,
  everyMs: number,
  onError: (error: unknown, doing: string) => void,
): Ongoing {
  let noted = 0
  const note = async () => {
    if ((await catalog.countCommits()) === noted) return
    const counted = await catalog.countDurableCommits()
    await withNoteFile(config, (file) => file.replace(`${counted}\n`))
    noted = counted
  }
  const report = (error: unknown) => onError(error, 'noting how many changes the catalog has')
  const noting = repeat(note, everyMs, report)
  return {
    async stop() {
      await noting.stop()
      await note().catch(report)
    },
  }
}

async function noteIn(file: NoteFile): Promise<number> {
  const text = (await file.read()) ?? ''
  return /^\d{1,15}\n$/.test(text) ? Number(text) : 0
}

async function withNoteFile<T>(config: Config, use: (file: NoteFile) => Promise<T>): Promise<T> {
  const store = storeAddress(config)
  const file: NoteFile =
    store.kind === 'directory'
      ? noteFile(store.directory, name)
      : await openIdentityObject({
          ...s3Options(config, store),
          prefix: store.prefix,
          objectName: name,
        })
  try {
    return await use(file)
  } finally {
    file.close()
  }
}
