import type { Catalog } from '../catalog/catalog.ts'
import { createIdentityFile, readIdentityFile, refuseForeignDirectory } from '../chunks/disk/identity-file.ts'
import { openIdentityObject } from '../chunks/s3/identity-object.ts'
import type { Config } from '../config/config.ts'
import { StoreError } from '../model/errors.ts'
import {
  identityName,
  newStoreId,
  readIdentity,
  writeIdentity,
  type StoreBinding,
  type StoreIdentity,
} from '../model/store-identity.ts'
import { nameOfCatalog, nameOfStore, storePlace } from './places.ts'
import { s3Options } from './s3-options.ts'

/** Where a store says what it is. */
interface IdentityPlace {
  read(): Promise<string | undefined>
  /** Leaves an identity alone that is there already. */
  create(text: string): Promise<void>
  close(): void
}

/** What a store says that it is; undefined for a new one and for one of format 1. Rejects `unavailable`. */
export async function readStoreIdentity(config: Config): Promise<StoreIdentity | undefined> {
  return withPlace(config, (place) => readFrom(place, config))
}

/** Rejects `unavailable` for a directory that is not empty and holds something else than a store. */
export async function refuseForeignPlace(config: Config): Promise<void> {
  const place = storePlace(config)
  if (place.kind === 'directory') await refuseForeignDirectory(place.directory)
}

/**
 * Binds the store to this catalog, or makes sure that it is: the same id stands in both from then on. Rejects
 * `unavailable` if either belongs to another.
 *
 * The catalog is told first and confirms last, so a crash leaves what the next start completes; servers that
 * start together on a new pair all take the id that their catalog has.
 */
export async function bindStore(
  config: Config,
  catalog: Pick<Catalog, 'findBinding' | 'bindStore'>,
): Promise<void> {
  await withPlace(config, async (place) => {
    const known = await readFrom(place, config)
    const bound = await catalog.findBinding()
    if (known && !bound) throw otherCatalog(config)
    if (!known && bound?.isConfirmed) {
      // Another server may have bound them between the two looks.
      refuseOtherStore(config, await readFrom(place, config), bound)
      return
    }
    const binding = await catalog.bindStore({ id: known?.id ?? newStoreId(), isConfirmed: false })
    if (!known) await place.create(writeIdentity(binding.id))
    refuseOtherStore(config, known ?? (await readFrom(place, config)), binding)
    if (!binding.isConfirmed) await catalog.bindStore({ ...binding, isConfirmed: true })
  })
}

/** Rejects `unavailable` unless the store and the catalog belong together, as far as they say. Changes nothing. */
export async function refuseOtherPair(config: Config, catalog: Pick<Catalog, 'findBinding'>): Promise<void> {
  const known = await readStoreIdentity(config)
  const bound = await catalog.findBinding()
  if (known && !bound) throw otherCatalog(config)
  if (bound && (known || bound.isConfirmed)) refuseOtherStore(config, known, bound)
}

/** Binds a catalog that was made anew to the store that it was made of. */
export async function bindAnew(config: Config, catalog: Pick<Catalog, 'bindStore'>): Promise<void> {
  await withPlace(config, async (place) => {
    const known = await readFrom(place, config)
    await catalog.bindStore({ id: known?.id ?? newStoreId(), isConfirmed: known !== undefined })
  })
}

async function withPlace<T>(config: Config, use: (place: IdentityPlace) => Promise<T>): Promise<T> {
  const place = await openPlace(config)
  try {
    return await use(place)
  } finally {
    place.close()
  }
}

async function openPlace(config: Config): Promise<IdentityPlace> {
  const place = storePlace(config)
  if (place.kind === 's3') return openIdentityObject({ ...s3Options(config, place), prefix: place.prefix })
  return {
    read: () => readIdentityFile(place.directory),
    create: (text) => createIdentityFile(place.directory, text),
    close() {},
  }
}

async function readFrom(place: IdentityPlace, config: Config): Promise<StoreIdentity | undefined> {
  const text = await place.read()
  return text === undefined ? undefined : readIdentity(text, nameOfStore(config))
}

function refuseOtherStore(config: Config, known: StoreIdentity | undefined, bound: StoreBinding): void {
  if (known?.id === bound.id) return
  const [store, catalog] = [nameOfStore(config), nameOfCatalog(config)]
  throw new StoreError(
    'unavailable',
    known
      ? `The catalog ${catalog} belongs to another store than ${store}: correct --store or --catalog.`
      : `The store of the catalog ${catalog} is not at ${store}, where ${identityName} is missing: mount its disk or correct --store. If it is the right store, create the file with the line ${writeIdentity(bound.id).trim()}`,
  )
}

function otherCatalog(config: Config): StoreError {
  const [store, catalog] = [nameOfStore(config), nameOfCatalog(config)]
  return new StoreError(
    'unavailable',
    `The store ${store} belongs to another catalog than ${catalog}: correct --catalog. If that other catalog is lost, move this one away and run ashlar rebuild.`,
  )
}
