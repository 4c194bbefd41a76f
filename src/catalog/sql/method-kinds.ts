import type { Catalog } from '../catalog.ts'
import type { CatalogRestore } from '../catalog-restore.ts'
import type { Database } from './dialect.ts'

/**
 * What a method needs of its transaction. A `read` is one statement, mostly; a `snapshot` is several
 * that must see one state. `changeAlone` waits for all other changes to end; `alter` changes what
 * the catalog itself is.
 */
export type Kind = 'read' | 'snapshot' | 'change' | 'changeAlone' | 'alter'

/** Every method of both catalogs. The methods of a class are made from this table (`catalogCalls`). */
export const methodKinds = {
  findBinding: 'read',
  bindStore: 'change',
  createFile: 'change',
  findFile: 'read',
  listFiles: 'snapshot',
  searchFiles: 'snapshot',
  updateFile: 'change',
  deleteFile: 'change',
  listRecords: 'read',
  replaceRecords: 'change',
  listEndedRecords: 'read',
  adoptRecords: 'changeAlone',
  forgetRecords: 'change',
  listChunks: 'snapshot',
  packChunks: 'snapshot',
  findChunk: 'read',
  createUpload: 'change',
  findUpload: 'read',
  declareUploadSize: 'change',
  advanceUpload: 'change',
  appendUpload: 'change',
  joinUploads: 'change',
  recutUpload: 'change',
  finishUploads: 'change',
  declineUpload: 'change',
  deleteUpload: 'change',
  listUploads: 'read',
  listExpiredUploads: 'read',
  collectChunks: 'change',
  adoptOrphans: 'changeAlone',
  listGarbage: 'read',
  forgetGarbage: 'change',
  listAllChunks: 'read',
  listHolders: 'read',
  checkLists: 'snapshot',
  listManifests: 'snapshot',
  listUnknown: 'read',
  countCollectable: 'snapshot',
  listDueChunks: 'snapshot',
  recordChecks: 'change',
  countNotSound: 'read',
  addFound: 'change',
  listFound: 'read',
  restoreRecord: 'change',
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

/** What a facade hands its calls to. */
export type Invoke = (name: MethodName, args: readonly unknown[]) => Promise<unknown>

type All = Catalog & CatalogRestore

/** As functions of a database. */
export type Methods = {
  readonly [Name in MethodName]: Name extends keyof All
    ? (db: Database, ...args: Parameters<All[Name]>) => ReturnType<All[Name]>
    : (db: Database, ...args: never) => Promise<unknown>
}

/** Those that each engine has of its own. */
export type EngineMethods = Pick<
  Methods,
  'verify' | 'countCommits' | 'countDurableCommits' | 'countCommitsFrom'
>
