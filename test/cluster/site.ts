import { onTestFinished, vi } from 'vitest'
import { collectNow } from '../../src/admin/collect-now.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { openStore, openStoreToFill, openStoreToRead } from '../../src/server/open-stores.ts'
import type { Location } from '../../src/model/chunk.ts'
import { runAshlar, type Ended } from '../cli/run-ashlar.ts'
import type { CephCluster } from './ceph-cluster.ts'
import { ClusterNode } from './cluster-node.ts'
import { leftovers, locationsIn, withoutGraces } from './leftovers.ts'
import type { PostgresServer } from './postgres-server.ts'
import type { S3Bucket } from './s3-bucket.ts'

/**
 * A place in a bucket and a schema of a database, which nobody else has anything in: what several
 * nodes share.
 */
export class Site {
  readonly store: string
  readonly catalog: string
  /** What a process has to be told. */
  readonly env: NodeJS.ProcessEnv
  readonly #postgres: PostgresServer

  private constructor(store: string, catalog: string, endpoint: string, postgres: PostgresServer) {
    this.store = store
    this.catalog = catalog
    this.env = { ASHLAR_STORE: store, ASHLAR_CATALOG: catalog, ASHLAR_S3_ENDPOINT: endpoint }
    this.#postgres = postgres
  }

  /**
   * Credentials come from this process's environment, as they do for all that it starts: until the
   * test is over.
   */
  static async create(ceph: CephCluster, bucket: S3Bucket, postgres: PostgresServer): Promise<Site> {
    const { endpoint, credentials } = ceph.settings
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
    onTestFinished(() => void vi.unstubAllEnvs())
    const store = `s3://${bucket.name}/${bucket.options().prefix}`
    return new Site(store, await postgres.createSchema(), endpoint, postgres)
  }

  /** The same objects under another catalog. */
  async withFreshCatalog(): Promise<Site> {
    const { ASHLAR_S3_ENDPOINT: endpoint = '' } = this.env
    return new Site(this.store, await this.#postgres.createSchema(), endpoint, this.#postgres)
  }

  startNode(...args: readonly string[]): Promise<ClusterNode> {
    return ClusterNode.launch(args, this.env)
  }

  /** Runs a command to its end. */
  run(...argv: readonly string[]): Promise<Ended> {
    return runAshlar(argv, { env: this.env })
  }

  /** What the database says, in rows. */
  query<Row extends Record<string, unknown>>(text: string): Promise<readonly Row[]> {
    return this.#postgres.query<Row>(text, this.catalog)
  }

  /**
   * Who was killed is waited for as long as he might still be there: has that time pass. Who lives
   * says so again.
   */
  async forgetTheDead(): Promise<void> {
    await this.query(`update nodes set seen_at = seen_at - interval '1 hour'`)
  }

  /**
   * One more process at the site, in this one, to which nothing is too young to be collected. Until
   * the test is over.
   */
  async join(): Promise<FileStore> {
    const opened = await openStoreToFill([], this.env, rethrow)
    onTestFinished(() => opened.close())
    return withoutGraces(opened)
  }

  /** Of the chunks in the bucket. */
  async locations(): Promise<readonly Location[]> {
    const store = await openStoreToRead([], this.env)
    try {
      return await locationsIn(store.chunks)
    } finally {
      await store.close()
    }
  }

  /**
   * Fails unless collection, with nobody there any more, leaves just what is in use, and nothing is
   * wrong with that.
   */
  async expectNoLeaks(): Promise<void> {
    await this.forgetTheDead()
    const opened = await openStore([], this.env, rethrow)
    const reading = await openStoreToRead([], this.env)
    try {
      const store = withoutGraces(opened)
      await collectNow({ ...opened, store })
      const left = await leftovers(store, reading)
      if (left.length > 0) throw new Error(left.join('\n'))
    } finally {
      await reading.close()
      await opened.close()
    }
    const { code, stdout, stderr } = await this.run('fsck')
    if (
      code !== 0 ||
      !stdout.endsWith(': 0 damaged, 0 missing, 0 unreadable, 0 inconsistent, 0 bad manifests\n')
    )
      throw new Error(`fsck ended with ${code}: ${stdout}${stderr}`)
  }
}

function rethrow(error: unknown, doing: string): never {
  throw new Error(`failed while ${doing}`, { cause: error })
}
