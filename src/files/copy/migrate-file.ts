import type { FileChunk } from '../../model/chunk.ts'
import { StoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import { partsPerCommit } from '../upload/draft.ts'
import { FileCopy } from './file-copy.ts'
import { findBegunCopy } from './find-begun-copy.ts'
import type { Migration, MigrationSource } from './migration.ts'

/**
 * Copies a file that the store does not have, with its id, its times and exactly its chunks, and
 * replaces the file that has its name. Resumes an interrupted copy. Rejects `not_found` if the
 * source has lost or unlinked it, `corrupt` if it is damaged there, and what the copier and the
 * stores reject; nothing goes on then.
 */
export async function migrateFile(migration: Migration, file: StoredFile): Promise<void> {
  const begun = await findBegunCopy(migration.store, file)
  const chunks = chunksOf(migration.source, file, begun?.offset ?? 0)
  const first = await take(chunks, partsPerCommit + 1)
  const copy = new FileCopy(migration, file)
  try {
    if (begun || first.length > partsPerCommit) await copy.append(begun, joined(first, chunks))
    else await copy.create(first)
  } finally {
    await copy.end()
  }
}

/** The chunks from an offset on, at which one of them begins. */
async function* chunksOf(
  { catalog }: MigrationSource,
  { id, size }: StoredFile,
  start: number,
): AsyncGenerator<FileChunk> {
  let at = start
  while (at < size) {
    const chunks = await catalog.listChunks(id, at, partsPerCommit + 1)
    for (const chunk of chunks) {
      if (chunk.start !== at) break
      yield chunk
      at += chunk.size
    }
    const last = chunks.at(-1)
    if (!last || at !== last.start + last.size) {
      throw new StoreError('not_found', `It has ${size} bytes, and no chunk for byte ${at}.`)
    }
  }
  if (at > size) throw new StoreError('corrupt', `It has ${size} bytes, and chunks for ${at}.`)
}

/** Takes the first values, and leaves the others in the iterator. */
async function take<T>(all: AsyncIterator<T>, most: number): Promise<readonly T[]> {
  const taken: T[] = []
  while (taken.length < most) {
    const next = await all.next()
    if (next.done) break
    taken.push(next.value)
  }
  return taken
}

async function* joined<T>(first: Iterable<T>, others: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first
  yield* others
}
