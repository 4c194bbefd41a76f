import type { CatalogRestore } from '../catalog-restore.ts'
import type { Catalog, FilePage } from '../catalog.ts'
import { pageOfFiles } from '../page-of-files.ts'
import { inSteps, type SearchStep } from '../search-files.ts'
import type { CatalogInspection } from '../upkeep.ts'
import type { Database } from './dialect.ts'

/**
 * The transaction that a method needs. A `read` is one statement; a `snapshot` is several that must
 * see the same state. `changeAlone` waits until all changes before it have ended, and those after
 * it wait for it. `alter` changes the catalog itself, and nobody else does so meanwhile.
 */
export type Kind = 'read' | 'snapshot' | 'change' | 'changeAlone' | 'alter'

/** Every method of both catalogs: `InvokedCatalog` has the methods of this table. */
export const methodKinds = {
  findBinding: 'read',
  bindStore: 'change',
  createFile: 'change',
  findFile: 'read',
  listFiles: 'snapshot',
  searchFiles: 'snapshot',
  updateFile: 'change',
  deleteFile: 'change',
  listManifestPages: 'read',
  replaceManifests: 'change',
  listUnlinkedManifests: 'read',
  markUnknownManifests: 'changeAlone',
  forgetManifests: 'change',
  listChunks: 'snapshot',
  packChunks: 'snapshot',
  findChunk: 'read',
  createUpload: 'change',
  findUpload: 'read',
  declareUploadSize: 'change',
  advanceUpload: 'change',
  appendUpload: 'change',
  concatenateUploads: 'change',
  compactUpload: 'change',
  finishUploads: 'change',
  markPreconditionFailed: 'change',
  deleteUpload: 'change',
  listUploads: 'read',
  listExpiredUploads: 'read',
  collectChunks: 'change',
  markOrphans: 'changeAlone',
  listGarbage: 'read',
  forgetGarbage: 'change',
  listAllChunks: 'read',
  listHolders: 'read',
  checkLists: 'snapshot',
  listFileManifests: 'snapshot',
  listUnknown: 'read',
  countCollectable: 'snapshot',
  listDueChunks: 'snapshot',
  saveChecks: 'change',
  countNotSound: 'read',
  addCandidates: 'change',
  listCandidates: 'read',
  restoreManifest: 'change',
  endRestore: 'change',
  verify: 'read',
  countCommits: 'read',
  countDurableCommits: 'change',
  countCommitsFrom: 'alter',
} as const satisfies Readonly<Record<string, Kind>>

export type MethodName = keyof typeof methodKinds

export function isRead(name: MethodName): boolean {
  const kind: Kind = methodKinds[name]
  return kind === 'read' || kind === 'snapshot'
}

/** Runs a method of the table. */
export type Invoke = (name: MethodName, args: readonly unknown[]) => Promise<unknown>

type All = Catalog & CatalogRestore

/** As functions of a database. */
export type Methods = {
  readonly [Name in MethodName]: Name extends keyof All
    ? (db: Database, ...args: Parameters<All[Name]>) => ReturnType<All[Name]>
    : (db: Database, ...args: never) => Promise<unknown>
}

/** Methods that each engine implements itself. */
export type EngineMethods = Pick<
  Methods,
  'verify' | 'countCommits' | 'countDurableCommits' | 'countCommitsFrom'
>

class CatalogCalls {
  readonly #invoke: Invoke

  constructor(invoke: Invoke) {
    this.#invoke = invoke
  }

  static {
    for (const name of Object.keys(methodKinds) as MethodName[]) {
      Object.defineProperty(CatalogCalls.prototype, name, {
        configurable: true,
        // Like an ordinary method: tests wrap them.
        writable: true,
        value(this: CatalogCalls, ...args: readonly unknown[]) {
          return name === 'listFiles' ? this.#listFiles(...(args as ListArguments)) : this.#invoke(name, args)
        },
      })
    }
  }

  async #listFiles(...[query, { signal } = {}]: ListArguments): Promise<FilePage> {
    const { space, q } = query
    if (!q) return (await this.#invoke('listFiles', [query])) as FilePage
    const step = (from: string, until: string | undefined, limit: number) =>
      this.#invoke('searchFiles', [{ space, q, from, until, limit }]) as Promise<SearchStep>
    return pageOfFiles(query, inSteps(step, signal))
  }
}

type ListArguments = Parameters<Catalog['listFiles']>

/** What can be read beside the process that has the catalog open. */
export type ReadableCatalog = CatalogInspection &
  Pick<Catalog, 'listFiles' | 'listChunks' | 'packChunks' | 'listManifestPages'>

/** Classes that pass every call of a method to `invoke`. A search becomes a call for each step. */
export const InvokedCatalog = CatalogCalls as unknown as new (invoke: Invoke) => Catalog & CatalogRestore
export const InvokedInspection = CatalogCalls as unknown as new (invoke: Invoke) => ReadableCatalog
