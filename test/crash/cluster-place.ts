import { checkStore } from '../../src/admin/check-store.ts'
import { collectNow } from '../../src/admin/collect-now.ts'
import type { OpenedStore, StoreToRead } from '../../src/admin/opened-store.ts'
import { openStoreToFill, openStoreToRead } from '../../src/server/open-stores.ts'
import type { CephCluster } from '../cluster/ceph-cluster.ts'
import { leftovers, withoutGraces } from '../cluster/leftovers.ts'
import type { PostgresServer } from '../cluster/postgres-server.ts'
import { pause } from './client.ts'
import { CrashingServer } from './crashing-server.ts'
import type { Place } from './place.ts'
import { Violation } from './violation.ts'

/** The least that servers take that share a catalog. */
const graceMs = 60_000
/**
 * A server that lives says every ten seconds what it counts on, and until then all that was
 * unlinked since stays.
 */
const collectedWithinMs = 30_000

/**
 * A part of a bucket and a schema of a database. This process is one more node there, which lives,
 * and collects all the time without any grace: what nodes say that they count on is all that keeps
 * it from that.
 */
export class ClusterPlace implements Place {
  readonly remains = 'nothing, for the cluster is gone'
  readonly #store: string
  readonly #postgres: PostgresServer
  readonly #env: NodeJS.ProcessEnv
  readonly #opened: OpenedStore
  readonly #reading: StoreToRead
  readonly #stopping = new AbortController()
  readonly #collecting: Promise<void>

  private constructor(
    store: string,
    postgres: PostgresServer,
    env: NodeJS.ProcessEnv,
    opened: OpenedStore,
    reading: StoreToRead,
  ) {
    this.#store = store
    this.#postgres = postgres
    this.#env = env
    this.#opened = opened
    this.#reading = reading
    this.#collecting = this.#collect()
    // The next check reports it.
    this.#collecting.catch(() => undefined)
  }

  static async open(ceph: CephCluster, store: string, postgres: PostgresServer): Promise<ClusterPlace> {
    const { endpoint, credentials } = ceph.settings
    process.env['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey
    const catalog = await postgres.createSchema()
    const env = { ASHLAR_STORE: store, ASHLAR_CATALOG: catalog, ASHLAR_S3_ENDPOINT: endpoint }
    const opened = await openStoreToFill([], env, (error, doing) => {
      throw new Error(`failed while ${doing}`, { cause: error })
    })
    return new ClusterPlace(store, postgres, env, opened, await openStoreToRead([], env))
  }

  start(): CrashingServer {
    return new CrashingServer(this.#store, { graceMs }, this.#env)
  }

  async checkAfterKill(): Promise<void> {
    // Who was killed is reckoned with for as long as he might come back: let that be over.
    await this.#query(`update nodes set seen_at = seen_at - interval '1 hour'`)
    await this.#fsck({ isQuick: true })
  }

  async checkWhenCollected(): Promise<void> {
    const giveUpAt = Date.now() + collectedWithinMs
    for (;;) {
      const left = await Promise.race([this.#leftovers(), this.#collecting])
      if (!left || left.length === 0) break
      if (Date.now() > giveUpAt) throw new Violation(`it is not collected: ${left.join('; ')}`)
      await pause(50)
    }
    await this.#fsck({ isQuick: false })
  }

  async remove(): Promise<void> {
    this.#stopping.abort()
    await this.#collecting
    await this.#reading.close()
    await this.#opened.close()
  }

  async #collect(): Promise<void> {
    const store = withoutGraces(this.#opened)
    while (!this.#stopping.signal.aborted) {
      await collectNow({ ...this.#opened, store })
      await pause(15)
    }
  }

  #leftovers(): Promise<readonly string[]> {
    return leftovers(this.#opened.store, this.#reading)
  }

  async #fsck(options: { readonly isQuick: boolean }): Promise<void> {
    const findings: unknown[] = []
    const find = async (finding: unknown) => void findings.push(finding)
    const report = { foundChunk: find, foundList: find, foundManifest: find, foundFault: find }
    await checkStore(this.#reading, options, report)
    if (findings.length > 0) throw new Violation(`fsck finds ${JSON.stringify(findings)}`)
  }

  async #query(text: string): Promise<void> {
    await this.#postgres.query(text, this.#env['ASHLAR_CATALOG'])
  }
}
