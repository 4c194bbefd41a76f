import type { Catalog } from '../../catalog/catalog.ts'
import { damage } from '../../catalog/seals.ts'
import { isStoreError, type StoreError } from '../../model/errors.ts'

/**
 * Whether the catalog can be trusted. Once damage was found it stays distrusted: it must be
 * rebuilt.
 */
export class CatalogHealth {
  readonly #catalog: Catalog
  readonly #report: (error: unknown, doing: string) => void
  #damage: StoreError | undefined
  #verifiedInMs = 0

  constructor(catalog: Catalog, report: (error: unknown, doing: string) => void) {
    this.#catalog = catalog
    this.#report = report
  }

  get isDamaged(): boolean {
    return this.#damage !== undefined
  }

  /** How long the last verification took. */
  get verifiedInMs(): number {
    return this.#verifiedInMs
  }

  /**
   * Wraps the catalog: reports the first damage that a call meets, and stops collection from then
   * on.
   */
  watch(): Catalog {
    return new Proxy(this.#catalog, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        return (...args: readonly unknown[]) => {
          const result: unknown = Reflect.apply(value, target, args)
          return result instanceof Promise ? result.catch((error: unknown) => this.#note(error)) : result
        }
      },
    })
  }

  /** Rejects `corrupt` if the catalog is damaged: nothing may be deleted on its word. */
  async verify(): Promise<void> {
    if (this.#damage) throw this.#damage
    const begun = performance.now()
    const [fault] = await this.#catalog.verify()
    this.#verifiedInMs = performance.now() - begun
    if (fault !== undefined) this.#note(damage(fault))
  }

  #note(error: unknown): never {
    if (isStoreError(error, 'corrupt') && !this.#damage) {
      this.#damage = error
      this.#report(error, 'reading the catalog; nothing is collected any more')
    }
    throw error
  }
}
