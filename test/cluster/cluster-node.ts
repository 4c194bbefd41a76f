import { ServerProcess } from '../robustness/server-process.ts'
import { until } from './until.ts'

/** A cluster that has just lost a part of itself lets a node wait. */
const listensWithinMs = 60_000

/** A server process at a site, that ends with the test at the latest. */
export class ClusterNode extends ServerProcess {
  /** Resolves when it listens, on a port that is free. */
  static async launch(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ClusterNode> {
    const node = new ClusterNode(['--port', '0', ...args], env)
    await until('a node listens', listensWithinMs, async () => {
      if (node.child.exitCode !== null) throw new Error(`the node did not start: ${node.stderr}`)
      return node.#listening !== undefined
    })
    return node
  }

  /** Ends it in good order. Rejects if it does not. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    const code = await this.exited
    if (code !== 0 || this.stderr !== '') throw new Error(`the node ended with ${code}: ${this.stderr}`)
  }

  /** How often it has logged a message that begins so. */
  count(message: string): number {
    return this.log.filter(({ msg }) => msg.startsWith(message)).length
  }

  override get url(): string {
    return this.#listening ?? super.url
  }

  get #listening(): string | undefined {
    return this.log.find(({ url }) => url?.startsWith('http:'))?.url
  }
}
