import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { S3Credentials } from '../../src/chunks/s3/s3-options.ts'
import { inheritedEnv } from '../support/inherited-env.ts'
import { cephConfig } from './ceph-config.ts'
import { CephDaemon } from './ceph-daemon.ts'
import { installCeph } from './ceph-packages.ts'
import { until } from './until.ts'

const run = promisify(execFile)

const readyTimeoutMs = 60_000

/** What another process needs to know to use the cluster, and to hurt it. */
export interface CephSettings {
  readonly directory: string
  readonly endpoint: string
  /** Those of a user who may do everything with buckets of his own. */
  readonly credentials: S3Credentials
}

/**
 * A real Ceph on this machine: a monitor, three OSDs that each have a copy, two of which are enough
 * to go on, and an S3 gateway, all on loopback and below one directory. Processes of a test run
 * share it by its settings.
 */
export class CephCluster {
  readonly settings: CephSettings
  readonly #osds: readonly CephDaemon[]
  readonly #monitor: CephDaemon
  readonly #gateway: CephDaemon
  readonly #config: string

  constructor(settings: CephSettings) {
    const { directory } = settings
    this.settings = settings
    this.#config = configFile(directory)
    const daemon = (name: string, program: string, ...args: readonly string[]) =>
      new CephDaemon(directory, name, program, ['-f', '-c', this.#config, ...args])
    this.#monitor = daemon('monitor', 'ceph-mon', '-i', 'a')
    this.#osds = [0, 1, 2].map((id) => daemon(`osd.${id}`, 'ceph-osd', '-i', `${id}`))
    this.#gateway = daemon('gateway', 'radosgw', '-n', 'client.gateway')
  }

  /** Installs Ceph where it is missing. Resolves when objects can be put. */
  static async start(): Promise<CephCluster> {
    await installCeph()
    // Sockets have paths of at most 107 bytes.
    const directory = await mkdtemp(join(tmpdir(), 'ashlar-ceph-'))
    for (const name of ['run', 'log', 'crash', 'mon', 'gateway', 'osd.0', 'osd.1', 'osd.2'])
      await mkdir(join(directory, name))
    const [monPort, gatewayPort] = await freePorts()
    const fsid = randomUUID()
    await writeFile(configFile(directory), cephConfig({ directory, fsid, monPort, gatewayPort }))
    const credentials = { accessKeyId: 'cluster-access', secretAccessKey: randomUUID() }
    const endpoint = `http://127.0.0.1:${gatewayPort}`
    const cluster = new CephCluster({ directory, endpoint, credentials })
    try {
      await cluster.#bringUp(fsid, monPort)
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** Ends every process, and removes what they kept. */
  async stop(): Promise<void> {
    for (const daemon of [this.#gateway, ...this.#osds, this.#monitor]) await daemon.stop()
    await rm(this.settings.directory, { recursive: true, force: true })
  }

  /** Resolves when it answers. */
  async startGateway(): Promise<void> {
    await this.#gateway.start()
    await until('the S3 gateway answers', readyTimeoutMs, async () => {
      if (!(await this.#gateway.isRunning()))
        throw new Error(`the gateway ended:\n${await this.#gateway.lastWords()}`)
      return isAnswering(this.settings.endpoint)
    })
  }

  /** One of the three. */
  async killOsd(id: number): Promise<void> {
    await this.#osds[id]!.kill()
  }

  /** Resolves when all three are there again. */
  async startOsd(id: number): Promise<void> {
    // One that died a moment ago may still count as up, which must not be taken for its return.
    await this.#ceph('osd', 'down', `${id}`)
    await this.#osds[id]!.start()
    await until(`osd.${id} is up`, readyTimeoutMs, async () => {
      const { osds } = JSON.parse(await this.#ceph('osd', 'dump', '--format', 'json')) as {
        readonly osds: readonly { readonly up: number }[]
      }
      return osds.every(({ up }) => up === 1)
    })
  }

  /** What changes users and buckets waits for it for half a minute, even if it is started again. */
  killGateway(): Promise<void> {
    return this.#gateway.kill()
  }

  pauseGateway(): Promise<void> {
    return this.#gateway.pause()
  }

  resumeGateway(): Promise<void> {
    return this.#gateway.resume()
  }

  /** OSDs of which this part is in use count as full, and let what is put wait. */
  async setFullRatio(ratio: number): Promise<void> {
    // Each counts only as far as it is not below the one before it.
    for (const name of ['nearfull', 'backfillfull', 'full'])
      await this.#ceph('osd', `set-${name}-ratio`, `${ratio}`)
  }

  /** Whether the monitor has heard from an OSD that it is full. */
  async isFull(): Promise<boolean> {
    const health = JSON.parse(await this.#ceph('health', '--format', 'json')) as { readonly checks: object }
    return 'OSD_FULL' in health.checks
  }

  /**
   * Another user of the gateway, with `maxBytes` at most in all of his buckets if that is given.
   */
  async createUser(id: string, maxBytes?: number): Promise<S3Credentials> {
    const credentials = { accessKeyId: `${id}-access`, secretAccessKey: randomUUID() }
    await this.#createUser(id, credentials)
    if (maxBytes !== undefined) {
      const quota = ['--quota-scope=user', `--uid=${id}`]
      await this.#admin('quota', 'set', ...quota, `--max-size=${maxBytes}`)
      await this.#admin('quota', 'enable', ...quota)
    }
    return credentials
  }

  async #bringUp(fsid: string, monPort: number): Promise<void> {
    const { directory, credentials } = this.settings
    const map = join(directory, 'monmap')
    const address = `v2:127.0.0.1:${monPort}/0`
    await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', address, map])
    await this.#program('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map)
    await this.#monitor.start()
    const ids = this.#osds.map(() => randomUUID())
    await Promise.all(
      ids.map((uuid, id) =>
        this.#program('ceph-osd', '--mkfs', '--no-mon-config', '-i', `${id}`, '--osd-uuid', uuid),
      ),
    )
    // One after the other, because the monitor numbers them as they come.
    for (const uuid of ids) await this.#ceph('osd', 'new', uuid)
    for (const osd of this.#osds) await osd.start()
    await this.#createUser('cluster', credentials)
    await this.startGateway()
  }

  async #createUser(id: string, { accessKeyId, secretAccessKey }: S3Credentials): Promise<void> {
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`]
    await this.#admin('user', 'create', `--uid=${id}`, `--display-name=${id}`, ...keys)
  }

  #admin(...args: readonly string[]): Promise<string> {
    return this.#program('radosgw-admin', ...args)
  }

  #ceph(...args: readonly string[]): Promise<string> {
    return this.#program('ceph', '--connect-timeout', '60', ...args)
  }

  async #program(name: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(name, ['-c', this.#config, ...args], {
      env: inheritedEnv(),
      timeout: readyTimeoutMs,
    })
    return stdout
  }
}

function configFile(directory: string): string {
  return join(directory, 'ceph.conf')
}

async function isAnswering(endpoint: string): Promise<boolean> {
  try {
    const { ok } = await fetch(endpoint, { signal: AbortSignal.timeout(5_000) })
    return ok
  } catch {
    return false
  }
}

/** Two that nobody listens on. */
async function freePorts(): Promise<readonly [number, number]> {
  const listeners = [createServer(), createServer()] as const
  for (const listener of listeners) await once(listener.listen(0, '127.0.0.1'), 'listening')
  const [first, second] = listeners.map((listener) => (listener.address() as AddressInfo).port)
  for (const listener of listeners) await once(listener.close(), 'close')
  return [first!, second!]
}
