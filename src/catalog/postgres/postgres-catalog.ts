import type { Location } from '../../model/chunk.ts'
import type { Catalog } from '../catalog.ts'
import type { Database } from '../sql/dialect.ts'
import { listOwnChunks } from '../sql/chunk-lists.ts'
import { InvokedCatalog, methodKinds } from '../sql/method-table.ts'
import { methods } from '../sql/methods.ts'
import { listUnknownManifests } from '../sql/manifests.ts'
import type { Garbage } from '../upkeep.ts'
import { engineMethods } from './engine-methods.ts'
import { PostgresMembership } from './membership.ts'
import type { Transactions } from './transactions.ts'

type Method = (db: Database, ...args: readonly unknown[]) => Promise<unknown>

const allMethods = { ...methods, ...engineMethods } as unknown as Readonly<Record<string, Method>>

/** The catalog in a PostgreSQL database, for any number of processes. */
export class PostgresCatalog extends InvokedCatalog {
  /** This process among those that use the catalog. */
  readonly membership: PostgresMembership

  readonly #transactions: Transactions
  #closing: Promise<void> | undefined

  /** Of a database that has the tables. It is closed with the catalog. */
  constructor(transactions: Transactions, now: () => number = Date.now) {
    super((name, args) => {
      const at = now()
      return transactions[methodKinds[name]]((db) => allMethods[name]!({ ...db, now: at }, ...args))
    })
    this.membership = new PostgresMembership(transactions, now)
    this.#transactions = transactions
  }

  override async listChunks(...args: Parameters<Catalog['listChunks']>) {
    // One statement needs no transaction, and few files were concatenated, which takes several.
    const own = await this.#transactions.read((db) => listOwnChunks(db, ...args))
    return own.length > 0 ? own : super.listChunks(...args)
  }

  override async markUnknownManifests(
    locations: readonly Location[],
    at: number,
  ): Promise<readonly Location[]> {
    // Most are known, and nobody has to wait for that to be seen.
    const unknown = await this.#transactions.read((db) => listUnknownManifests(db, locations))
    return unknown.length === 0 ? [] : super.markUnknownManifests(unknown, at)
  }

  override async markOrphans(orphans: readonly Garbage[], at: number): Promise<readonly Garbage[]> {
    const unknown = new Set(await this.listUnknown(orphans.map(({ location }) => location)))
    const candidates = orphans.filter(({ location }) => unknown.has(location))
    return candidates.length === 0 ? [] : super.markOrphans(candidates, at)
  }

  /** Resolves when all calls before it are done and no connection is left. */
  override close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // Who cannot say so is forgotten after a while.
    const left = this.membership.leave().catch(() => {})
    await this.#transactions.close()
    await left
  }
}
