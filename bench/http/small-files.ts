import type { Measure } from '../interleaved.ts'
import type { Peer } from '../peers/peer.ts'
import type { Exchange } from './load.ts'
import type { Stage } from './stage.ts'

/** GET takes one of so many at random. */
const files = 64

/**
 * What clients do with servers of small files, on and on for a while; measured in requests a
 * second.
 */
export class SmallFiles {
  readonly #stage: Stage
  readonly #ms: number

  constructor(stage: Stage, ms: number) {
    this.#stage = stage
    this.#ms = ms
  }

  /** Puts the files below `path` first. */
  async get(from: Peer, path: string, bytes: number, clients: number): Promise<Measure> {
    const paths = Array.from({ length: files }, (_, index) => `${path}${index}`)
    for (const each of paths) await this.#putOnce(from, each, bytes)
    return () => this.#perSecond(from, clients, { kind: 'get', paths, bytes })
  }

  /** From a server that needs no files. */
  getFromMemory(from: Peer, bytes: number, clients: number): Measure {
    return () => this.#perSecond(from, clients, { kind: 'get', paths: [`/${bytes}`], bytes })
  }

  /**
   * Each time a new name below `path`. All of it stays until the end: for some minutes ext4 takes
   * no inode that was deleted, and looks at each of them whenever a file is created, which
   * thousands of deleted files were measured to make take a millisecond.
   */
  put(to: Peer, path: '/files/up/' | '/up/', bytes: number, clients: number): Measure {
    return async () => {
      const rate = await this.#perSecond(to, clients, { kind: 'put', path, bytes })
      await this.#stage.settle()
      return rate
    }
  }

  #perSecond({ port }: Peer, clients: number, exchange: Exchange): Promise<number> {
    return this.#stage.rate({ port, clients, exchange, until: { ms: this.#ms } })
  }

  async #putOnce({ port }: Peer, path: string, bytes: number): Promise<void> {
    await this.#stage.rate({ port, clients: 1, exchange: { kind: 'put', path, bytes }, until: { times: 1 } })
  }
}
