import type { Measure } from '../interleaved.ts'
import { startNginx } from '../peers/nginx.ts'
import { startAshlar, startNodePeer } from '../peers/node-peer.ts'
import type { Peer } from '../peers/peer.ts'
import type { Exchange } from './load.ts'
import type { Stage } from './stage.ts'
import { writeToDisk } from './write-to-disk.ts'

type ServerName = 'ashlar' | 'nginx' | 'nginxAuto' | 'tus' | 'floor'

/**
 * Servers that have large files and take more, and what clients do with them; all measured in GB/s.
 */
export class LargeFiles {
  readonly #stage: Stage
  readonly #servers: Readonly<Record<ServerName, Peer>>

  private constructor(stage: Stage, servers: Readonly<Record<ServerName, Peer>>) {
    this.#stage = stage
    this.#servers = servers
  }

  static async on(stage: Stage): Promise<LargeFiles> {
    return new LargeFiles(stage, {
      ashlar: await stage.serve(startAshlar(stage.path('ashlar'))),
      nginx: await stage.serve(startNginx(stage.path('nginx'), 1)),
      nginxAuto: await stage.serve(startNginx(stage.path('nginx'), 'auto')),
      tus: await stage.serve(startNodePeer('tus-server', stage.path('tus'))),
      floor: await stage.serve(startNodePeer('node-floor')),
    })
  }

  /**
   * Each client fetches the same file, which is in the page cache: all servers have it from `fill`.
   */
  get(from: Exclude<ServerName, 'tus'>, clients: number, bytes: number): Measure {
    const path = { ashlar: '/files/large', nginx: '/large', nginxAuto: '/large', floor: `/${bytes}` }[from]
    return () => this.#throughput(from, clients, { kind: 'get', paths: [path], bytes })
  }

  async fill(bytes: number): Promise<void> {
    await this.#throughput('ashlar', 1, { kind: 'put', path: '/files/large', bytes })
    await this.#throughput('nginx', 1, { kind: 'put', path: '/large', bytes })
    await this.#stage.settle()
  }

  /** Each client puts a file of its own. */
  put(to: 'ashlar' | 'nginx' | 'floor', clients: number, bytes: number): Measure {
    const path = to === 'ashlar' ? '/files/up/' : '/up/'
    return () => this.#upload(to, clients, { kind: 'put', path, bytes })
  }

  tus(to: 'ashlar' | 'tus', clients: number, bytes: number): Measure {
    return () => this.#upload(to, clients, { kind: 'tus', path: '/uploads', bytes })
  }

  /** Nobody sends these bytes, and nobody hashes them. */
  writeAlone(bytes: number): Measure {
    return async () => {
      const speed = await writeToDisk(this.#stage.path('alone'), bytes)
      await this.#stage.settle('alone')
      return speed
    }
  }

  async #upload(to: ServerName, clients: number, exchange: Exchange): Promise<number> {
    const speed = await this.#throughput(to, clients, exchange)
    await this.#stage.settle('nginx/up', 'tus')
    return speed
  }

  #throughput(server: ServerName, clients: number, exchange: Exchange): Promise<number> {
    const { port } = this.#servers[server]
    return this.#stage.throughput({ port, clients, exchange, until: { times: 1 } })
  }
}
