import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Exchange } from '../http/load.ts'
import type { Stage } from '../http/stage.ts'
import { startPeer, type Peer } from '../peers/peer.ts'
import type { S3Place } from './s3-alone.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/**
 * A node with default settings, and clients that move files to and from it side by side; measured
 * in MB/s.
 */
export class OneNode {
  readonly #stage: Stage
  readonly #peer: Peer
  readonly #clients: number

  private constructor(stage: Stage, peer: Peer, clients: number) {
    this.#stage = stage
    this.#peer = peer
    this.#clients = clients
  }

  /** It ends with the stage. */
  static async start(stage: Stage, place: S3Place, catalog: string, clients: number): Promise<OneNode> {
    const { endpoint, bucket, credentials } = place
    process.env['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey
    const where = ['--store', `s3://${bucket}/node`, '--s3-endpoint', endpoint, '--catalog', catalog]
    const peer = await stage.serve(
      startPeer(process.execPath, (port) => [main, ...where, '--port', `${port}`]),
    )
    return new OneNode(stage, peer, clients)
  }

  /** Puts a file for each client. Resolves with their paths. */
  async fill(bytes: number): Promise<readonly string[]> {
    const paths = Array.from({ length: this.#clients }, () => `/files/${randomUUID()}`)
    for (const path of paths) await this.#run({ kind: 'put', path, bytes }, 1)
    return paths
  }

  /** Each client puts a file of so many bytes, which nobody has put before. */
  put(bytes: number): Promise<number> {
    return this.#run({ kind: 'put', path: '/files/up/', bytes }, this.#clients)
  }

  /** Each client gets one of the files. */
  get(paths: readonly string[], bytes: number): Promise<number> {
    return this.#run({ kind: 'get', paths, bytes }, this.#clients)
  }

  async #run(exchange: Exchange, clients: number): Promise<number> {
    const load = { port: this.#peer.port, clients, exchange, until: { times: 1 } }
    return (await this.#stage.throughput(load)) * 1000
  }
}
