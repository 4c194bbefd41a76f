import type { Catalog } from '../../src/catalog/catalog.ts'
import { StoreError } from '../../src/model/errors.ts'

/** What happens instead of a call; `call` is the real one, `nth` counts from 1. */
export type Interception = (call: () => Promise<unknown>, nth: number) => Promise<unknown>

/** A catalog that does what the given one does, except where one of its methods is intercepted. */
export function intercept(catalog: Catalog, method: keyof Catalog, instead: Interception): Catalog {
  let calls = 0
  const answer = (called: keyof Catalog, call: () => Promise<unknown>) => {
    if (called !== method) return call()
    calls += 1
    return instead(call, calls)
  }
  return interceptAll(catalog, answer, {})
}

/** One thing that goes wrong. Calls are counted per method from 1; `every` is each of them. */
export interface CatalogFault {
  readonly on: keyof Catalog
  readonly call: number | 'every'
  /**
   * refuse: rejects `unavailable` and does nothing. no-space: the same with `no_space`. lose-reply:
   * does its work, then rejects `unavailable`. hang: waits until it is released, and then does its
   * work.
   */
  readonly kind: 'refuse' | 'no-space' | 'lose-reply' | 'hang'
}

export interface FaultyCatalog extends Catalog {
  /** Lets go on all that hangs, now and later. */
  release(): void
  /** Another plan, for calls that are counted anew. */
  replan(plan: readonly CatalogFault[]): void
}

/** Fails as planned, and otherwise does what `catalog` does. */
export function faultyCatalog(catalog: Catalog, firstPlan: readonly CatalogFault[]): FaultyCatalog {
  const calls = new Map<keyof Catalog, number>()
  const released = Promise.withResolvers<void>()
  let plan = firstPlan
  const answer = async (method: keyof Catalog, call: () => Promise<unknown>) => {
    const nth = (calls.get(method) ?? 0) + 1
    calls.set(method, nth)
    const kind = plan.find(
      (fault) => fault.on === method && (fault.call === nth || fault.call === 'every'),
    )?.kind
    if (kind === 'refuse') throw new StoreError('unavailable', `Refused as planned: ${method}.`)
    if (kind === 'no-space')
      throw new StoreError('no_space', `The disk of the catalog is full, as planned: ${method}.`, {
        isRefusal: true,
      })
    if (kind === 'hang') await released.promise
    const result = await call()
    if (kind === 'lose-reply') throw new StoreError('unavailable', `Reply lost as planned: ${method}.`)
    return result
  }
  return interceptAll(catalog, answer, {
    release: () => released.resolve(),
    replan(next: readonly CatalogFault[]) {
      plan = next
      calls.clear()
    },
  })
}

function interceptAll<Controls extends object>(
  catalog: Catalog,
  instead: (method: keyof Catalog, call: () => Promise<unknown>) => Promise<unknown>,
  controls: Controls,
): Catalog & Controls {
  return new Proxy(catalog, {
    get(target, key) {
      if (Object.hasOwn(controls, key)) return Reflect.get(controls, key) as unknown
      const real = Reflect.get(target, key) as (...args: unknown[]) => Promise<unknown>
      return (...args: unknown[]) => instead(key as keyof Catalog, () => real.apply(target, args))
    },
  }) as Catalog & Controls
}
