import type { Catalog } from '../../catalog/catalog.ts'
import type { Space, StoredFile } from '../../model/file.ts'

const filesPerPage = 256

/** All files of a space whose names begin with the prefix, by name. */
export async function* filesInSpace(
  catalog: Pick<Catalog, 'listFiles'>,
  space: Space,
  prefix: string,
): AsyncGenerator<StoredFile> {
  let after: string | undefined
  do {
    const query = { space, prefix, limit: filesPerPage, ...(after !== undefined && { after }) }
    const { files, next } = await catalog.listFiles(query)
    yield* files
    after = next
  } while (after !== undefined)
}
