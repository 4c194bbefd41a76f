import { join, resolve } from 'node:path'
import type { Config } from '../config/config.ts'

/** Where chunks and manifests are. */
export type StorePlace =
  | { readonly kind: 'directory'; readonly directory: string }
  /** `prefix` is empty or ends with a slash. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }

export type CatalogPlace =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** What says where they are; `Config` has made sure that it says so. */
export type Places = Pick<Config, 'store' | 'catalog'>

export function storePlace({ store }: Places): StorePlace {
  if (!store.startsWith('s3://')) return { kind: 'directory', directory: resolve(store) }
  const { host: bucket, pathname } = new URL(store)
  const path = pathname.replace(/^\/+|\/+$/g, '')
  return { kind: 's3', bucket, prefix: path === '' ? '' : `${path}/` }
}

export function catalogPlace(places: Places): CatalogPlace {
  const { catalog, store } = places
  if (/^postgres(?:ql)?:/.test(catalog)) return { kind: 'postgres', url: catalog }
  const [, path] = /^sqlite:(.+)$/s.exec(catalog) ?? []
  return { kind: 'sqlite', path: path === undefined ? join(resolve(store), 'catalog.sqlite') : resolve(path) }
}

/** For people: without what is secret in it. */
export function nameOfStore(places: Places): string {
  const place = storePlace(places)
  return place.kind === 'directory' ? place.directory : `s3://${place.bucket}/${place.prefix}`
}

export function nameOfCatalog(places: Places): string {
  const place = catalogPlace(places)
  if (place.kind === 'sqlite') return place.path
  const { protocol, host, pathname } = new URL(place.url)
  return `${protocol}//${host}${pathname}`
}
