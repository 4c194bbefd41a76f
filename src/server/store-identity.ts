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
import { nameOfCatalog, nameOfStore, storeAddress } from './addresses.ts'
import { s3Options } from './s3-options.ts'

/** The file in which a store says what it is. */
interface IdentityFile {
  read(): Promise<string | undefined>
  /** Keeps an existing identity. */
  create(text: string): Promise<void>
  close(): void
}

/** The identity of a store; undefined for a new one and for format 1. Rejects `unavailable`. */
export async function readStoreIdentity(config: Config): Promise<StoreIdentity | undefined> {
  return withIdentityFile(config, (file) => readFrom(file, config))
}

/** Rejects `unavailable` for a directory that holds something other than a store. */
export async function refuseForeignStore(config: Config): Promise<void> {
  const address = storeAddress(config)
  if (address.kind === 'directory') await refuseForeignDirectory(address.directory)
}

/**
 * Binds the store and this catalog, or checks that they are bound: both then have the same id.
 * Rejects `unavailable` if either belongs to another.
 *
 * The catalog is told first and confirms last, so that the next start completes what a crash
 * interrupts. Servers that start together on a new pair all take the id that their catalog has.
 */
export async function bindStore(
  config: Config,
  catalog: Pick<Catalog, 'findBinding' | 'bindStore'>,
): Promise<void> {
  await withIdentityFile(config, async (file) => {
    const known = await readFrom(file, config)
    const bound = await catalog.findBinding()
    if (known && !bound) throw otherCatalog(config)
    if (!known && bound?.isConfirmed) {
      // Another server may have bound them between the two looks.
      refuseOtherStore(config, await readFrom(file, config), bound)
      return
    }
    const binding = await catalog.bindStore({ id: known?.id ?? newStoreId(), isConfirmed: false })
    if (!known) await file.create(writeIdentity(binding.id))
    refuseOtherStore(config, known ?? (await readFrom(file, config)), binding)
    if (!binding.isConfirmed) await catalog.bindStore({ ...binding, isConfirmed: true })
  })
}

/**
 * Rejects `unavailable` if the store and the catalog say that they do not belong together. Changes
 * nothing.
 */
export async function refuseOtherPair(config: Config, catalog: Pick<Catalog, 'findBinding'>): Promise<void> {
  const known = await readStoreIdentity(config)
  const bound = await catalog.findBinding()
  if (known && !bound) throw otherCatalog(config)
  if (bound && (known || bound.isConfirmed)) refuseOtherStore(config, known, bound)
}

/** Binds a rebuilt catalog to the store that it was made from. */
export async function bindAnew(config: Config, catalog: Pick<Catalog, 'bindStore'>): Promise<void> {
  await withIdentityFile(config, async (file) => {
    const known = await readFrom(file, config)
    await catalog.bindStore({ id: known?.id ?? newStoreId(), isConfirmed: known !== undefined })
  })
}

async function withIdentityFile<T>(config: Config, use: (file: IdentityFile) => Promise<T>): Promise<T> {
  const file = await openIdentityFile(config)
  try {
    return await use(file)
  } finally {
    file.close()
  }
}

async function openIdentityFile(config: Config): Promise<IdentityFile> {
  const address = storeAddress(config)
  if (address.kind === 's3')
    return openIdentityObject({ ...s3Options(config, address), prefix: address.prefix })
  return {
    read: () => readIdentityFile(address.directory),
    create: (text) => createIdentityFile(address.directory, text),
    close() {},
  }
}

async function readFrom(file: IdentityFile, config: Config): Promise<StoreIdentity | undefined> {
  const text = await file.read()
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
