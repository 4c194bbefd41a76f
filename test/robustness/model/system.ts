import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import { defaultSpace } from '../../../src/model/file.ts'
import { expectNoLeftovers } from '../expect-no-leftovers.ts'
import { openFaultyServer, type FaultyServer } from '../faulty-server.ts'

/** What the model is compared with: a server, and where the uploads of the plan are on it. */
export class System {
  server: FaultyServer
  readonly paths = new Map<number, string>()
  readonly #directory: string

  private constructor(directory: string, server: FaultyServer) {
    this.#directory = directory
    this.server = server
  }

  static async open(directory: string): Promise<System> {
    return new System(directory, await openFaultyServer(directory))
  }

  /** Closes everything, and opens it again. */
  async restart(): Promise<void> {
    await this.server.stop()
    this.server = await openFaultyServer(this.#directory)
  }

  /** Deletes all that is there. Fails if that leaves anything. */
  async clear(): Promise<void> {
    const { store } = this.server
    const { catalog } = store
    const { files } = await catalog.listFiles({ space: defaultSpace, prefix: '', limit: 1000 })
    for (const { id } of files) {
      for (const location of await catalog.deleteFile(defaultSpace, { id }))
        await store.manifests.delete(location)
    }
    for (const { id } of await catalog.listExpiredUploads(Infinity, 10_000)) await catalog.deleteUpload(id)
    this.paths.clear()
    await collectGarbage(store)
    await expectNoLeftovers(store)
  }
}
