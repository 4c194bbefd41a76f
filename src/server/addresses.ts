import { join, resolve } from 'node:path'
import type { Config } from '../config/config.ts'

/** Where chunks and manifests are. */
export type StoreAddress =
  | { readonly kind: 'directory'; readonly directory: string }
  /** `prefix` is empty or ends with a slash. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }

export type CatalogAddress =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** The options that say where they are, checked by `Config`. */
export type Addresses = Pick<Config, 'store' | 'catalog'>

export function storeAddress({ store }: Addresses): StoreAddress {
  if (!store.startsWith('s3://')) return { kind: 'directory', directory: resolve(store) }
  const { host: bucket, pathname } = new URL(store)
  const path = pathname.replace(/^\/+|\/+$/g, '')
  return { kind: 's3', bucket, prefix: path === '' ? '' : `${path}/` }
}

export function catalogAddress(addresses: Addresses): CatalogAddress {
  const { catalog, store } = addresses
  if (/^postgres(?:ql)?:/.test(catalog)) return { kind: 'postgres', url: catalog }
  const [, path] = /^sqlite:(.+)$/s.exec(catalog) ?? []
  return { kind: 'sqlite', path: path === undefined ? join(resolve(store), 'catalog.sqlite') : resolve(path) }
}

/** For people: without secrets. */
export function nameOfStore(addresses: Addresses): string {
  const address = storeAddress(addresses)
  return address.kind === 'directory' ? address.directory : `s3://${address.bucket}/${address.prefix}`
}

export function nameOfCatalog(addresses: Addresses): string {
  const address = catalogAddress(addresses)
  if (address.kind === 'sqlite') return address.path
  const { protocol, host, pathname } = new URL(address.url)
  return `${protocol}//${host}${pathname}`
}
