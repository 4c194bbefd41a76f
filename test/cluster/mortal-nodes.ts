import type { ClusterNode } from './cluster-node.ts'
import type { Site } from './site.ts'

/** Nodes of a site, each of which may be killed at any time. */
export class MortalNodes {
  readonly #site: Site
  /** Who is asked next comes first. */
  readonly #living: ClusterNode[]
  #asked: ClusterNode | undefined

  private constructor(site: Site, living: ClusterNode[]) {
    this.#site = site
    this.#living = living
  }

  static async start(site: Site, count: number): Promise<MortalNodes> {
    const living = await Promise.all(Array.from({ length: count }, () => site.startNode()))
    return new MortalNodes(site, living)
  }

  /** Another one with each call. */
  next(): ClusterNode {
    const node = this.#living.shift()
    if (!node) throw new Error('no node lives')
    this.#living.push(node)
    this.#asked = node
    return node
  }

  /**
   * Kills the one that was asked last with SIGKILL. Resolves when another one has taken its place.
   */
  async replace(): Promise<void> {
    const [killed] = this.#living.splice(this.#living.indexOf(this.#asked!), 1)
    await killed!.kill()
    this.#living.push(await this.#site.startNode())
  }

  async stop(): Promise<void> {
    await Promise.all(this.#living.splice(0).map((node) => node.stop()))
  }
}
