import type { Catalog } from '../../src/catalog/catalog.ts'

/** What happens instead of a call; `call` is the real one, `nth` counts from 1. */
export type Interception = (call: () => Promise<unknown>, nth: number) => Promise<unknown>

/** A catalog that does what the given one does, except where one of its methods is intercepted. */
export function intercept(catalog: Catalog, method: keyof Catalog, instead: Interception): Catalog {
  let calls = 0
  return new Proxy(catalog, {
    get(target, key) {
      const real = Reflect.get(target, key) as (...args: unknown[]) => Promise<unknown>
      return (...args: unknown[]) => {
        const call = () => real.apply(target, args)
        if (key !== method) return call()
        calls += 1
        return instead(call, calls)
      }
    },
  })
}
