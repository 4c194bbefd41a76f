import type { Chunk, FileChunk, Location, PackedChunks } from '../../model/chunk.ts'
import type { Digest } from '../../model/digest.ts'
import { isStoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { StoreBinding } from '../../model/store-identity.ts'
import type { FilePage, ListQuery } from '../catalog.ts'
import type {
  CatalogSurvey,
  CheckedList,
  ChunkPosition,
  Collectable,
  CollectableQuery,
  Holder,
  ListedManifest,
} from '../upkeep.ts'
import { DatabaseThread } from './database-thread.ts'
import type { Reads } from './methods.ts'

/** Reads the catalog of a store beside whoever has it open, or nobody. It takes no lock and changes nothing. */
export class SqliteSurvey implements CatalogSurvey {
  readonly #reader: DatabaseThread<Reads>

  private constructor(path: string) {
    this.#reader = new DatabaseThread<Reads>({ role: 'reader', path })
  }

  /** Rejects `unavailable` if there is none, if another version of Ashlar has written it, or if it cannot be read. */
  static async open(path: string): Promise<SqliteSurvey> {
    const survey = new SqliteSurvey(path)
    try {
      await survey.#reader.open()
      return survey
    } catch (error) {
      await survey.#reader.terminate()
      throw error
    }
  }

  findBinding(): Promise<StoreBinding | undefined> {
    return this.#reader.call('findBinding')
  }

  findChunk(digest: Digest): Promise<Chunk | undefined> {
    return this.#reader.call('findChunk', digest)
  }

  listAllChunks(after: ChunkPosition | undefined, limit: number): Promise<readonly Chunk[]> {
    return this.#reader.call('listAllChunks', after, limit)
  }

  listHolders(digest: Digest, limit: number, after?: FileId): Promise<readonly Holder[]> {
    return this.#reader.call('listHolders', digest, limit, after)
  }

  checkLists(after: FileId | undefined, limit: number): Promise<readonly CheckedList[]> {
    return this.#reader.call('checkLists', after, limit)
  }

  listManifests(after: FileId | undefined, limit: number): Promise<readonly ListedManifest[]> {
    return this.#reader.call('listManifests', after, limit)
  }

  listRecords(id: FileId): Promise<readonly Location[]> {
    return this.#reader.call('listRecords', id)
  }

  listUnknown(locations: readonly Location[]): Promise<readonly Location[]> {
    return this.#reader.call('listUnknown', locations)
  }

  async verify(): Promise<readonly string[]> {
    // Nobody else uses the thread.
    return this.#reader.call('verify').catch((error: unknown) => {
      if (isStoreError(error, 'corrupt')) return [error.message]
      throw error
    })
  }

  countCommits(): Promise<number> {
    return this.#reader.call('countCommits')
  }

  countCollectable(query: CollectableQuery): Promise<Collectable> {
    return this.#reader.call('countCollectable', query)
  }

  listFiles(query: ListQuery): Promise<FilePage> {
    return this.#reader.call('listFiles', query)
  }

  listChunks(id: FileId, from: number, limit: number): Promise<readonly FileChunk[]> {
    return this.#reader.call('listChunks', id, from, limit)
  }

  packChunks(id: FileId, from: number, limit: number): Promise<PackedChunks> {
    return this.#reader.call('packChunks', id, from, limit)
  }

  close(): Promise<void> {
    return this.#reader.close()
  }
}
