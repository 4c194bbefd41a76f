import type { Catalog, FilePage } from '../catalog.ts'
import type { CatalogRestore } from '../catalog-restore.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { inSteps, type SearchStep } from '../search-files.ts'
import type { CatalogSurvey } from '../upkeep.ts'
import { methodKinds, type Invoke, type MethodName } from './method-kinds.ts'

class CatalogCalls {
  readonly #invoke: Invoke

  constructor(invoke: Invoke) {
    this.#invoke = invoke
  }

  static {
    for (const name of Object.keys(methodKinds) as MethodName[]) {
      Object.defineProperty(CatalogCalls.prototype, name, {
        configurable: true,
        value(this: CatalogCalls, ...args: readonly unknown[]) {
          return name === 'listFiles' ? this.#listFiles(...(args as ListArguments)) : this.#invoke(name, args)
        },
      })
    }
  }

  async #listFiles(...[query, { signal } = {}]: ListArguments): Promise<FilePage> {
    const { owner, q } = query
    if (!q) return (await this.#invoke('listFiles', [query])) as FilePage
    const step = (from: string, until: string | undefined, limit: number) =>
      this.#invoke('searchFiles', [{ owner, q, from, until, limit }]) as Promise<SearchStep>
    return pageOfFiles(query, inSteps(step, signal))
  }
}

type ListArguments = Parameters<Catalog['listFiles']>

/** What can be read beside whoever has the catalog open. */
export type ReadableCatalog = CatalogSurvey &
  Pick<Catalog, 'listFiles' | 'listChunks' | 'packChunks' | 'listRecords'>

/** Classes that hand every call of their methods to `invoke`. A search becomes a call for each step. */
export const InvokedCatalog = CatalogCalls as unknown as new (invoke: Invoke) => Catalog & CatalogRestore
export const InvokedSurvey = CatalogCalls as unknown as new (invoke: Invoke) => ReadableCatalog
