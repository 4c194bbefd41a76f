import type { Catalog } from './catalog.ts'

/** The same catalog, but for these methods. */
export function withMethods(catalog: Catalog, methods: Partial<Catalog>): Catalog {
  return new Proxy(catalog, {
    get(target, key) {
      const value: unknown = Reflect.get(methods, key) ?? Reflect.get(target, key)
      return typeof value === 'function' && !Object.hasOwn(methods, key) ? value.bind(target) : value
    },
  })
}
