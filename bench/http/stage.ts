import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Peer } from '../peers/peer.ts'
import type { Load } from './load.ts'
import { LoadProcess } from './load-process.ts'

const run = promisify(execFile)

/**
 * What servers are compared on: a directory, clients, and the servers. Disposing of it ends and
 * deletes all of that, and so does a signal that ends this process: what is left behind could be
 * many gibibytes.
 */
export class Stage {
  readonly #directory: string
  readonly #clients = new LoadProcess()
  readonly #peers: Peer[] = []

  readonly #onSignal = () => {
    void this[Symbol.asyncDispose]().finally(() => process.exit(130))
  }

  private constructor(directory: string) {
    this.#directory = directory
    process.once('SIGINT', this.#onSignal).once('SIGTERM', this.#onSignal)
  }

  static async open(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), 'ashlar-bench-')))
  }

  /** Until the end of the stage. */
  async serve(starting: Promise<Peer>): Promise<Peer> {
    const peer = await starting
    this.#peers.push(peer)
    return peer
  }

  /** A path for a server of its own. */
  path(name: string): string {
    return join(this.#directory, name)
  }

  /** GB/s of bodies. */
  async throughput(load: Load): Promise<number> {
    const { exchanges, ms } = await this.#clients.run(load)
    return (exchanges * load.exchange.bytes) / ms / 1e6
  }

  /** Exchanges a second. */
  async rate(load: Load): Promise<number> {
    const { exchanges, ms } = await this.#clients.run(load)
    return (exchanges / ms) * 1000
  }

  /**
   * Removes files, and resolves when the disk has written all that anybody has left to it: who
   * comes next has it alone.
   */
  async settle(...remove: readonly string[]): Promise<void> {
    for (const path of remove) await rm(this.path(path), { recursive: true, force: true })
    await run('sync', ['--file-system', this.#directory])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('SIGINT', this.#onSignal).off('SIGTERM', this.#onSignal)
    await this.#clients.stop()
    await Promise.all(this.#peers.map((peer) => peer.stop()))
    await rm(this.#directory, { recursive: true, force: true })
  }
}
