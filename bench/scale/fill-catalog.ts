import { randomBytes, randomUUIDv7 } from 'node:crypto'
import type { ChunkUse, NewFile } from '../../src/catalog/catalog.ts'
import { openWriter } from '../../src/catalog/sqlite/connection.ts'
import { createFile } from '../../src/catalog/sql/files.ts'
import type { Location } from '../../src/model/chunk.ts'
import { digestBytes, digestOfBytes } from '../../src/model/digest.ts'
import { FileHasher } from '../../src/model/hashers.ts'
import { parseFileName, defaultSpace, type FileId, type FileName } from '../../src/model/file.ts'

/** In one transaction: many times what a server's catalog takes together, so that syncs are few. */
const filesPerCommit = 4000
const filesPerFolder = 100

/** The name of a file by its number: a hundred in a folder. */
export function nameOf(index: number): FileName {
  const folder = String(Math.floor(index / filesPerFolder)).padStart(5, '0')
  return parseFileName(`folder-${folder}/file-${String(index % filesPerFolder).padStart(5, '0')}`)
}

/**
 * Makes a catalog with as many files, each of a chunk of its own, as uploads would leave it. Where
 * `chunkOf` has no chunk that is really there, one is made up: nobody will read it.
 */
export async function fillCatalog(
  path: string,
  files: number,
  chunkOf: (index: number) => ChunkUse | undefined,
): Promise<void> {
  const writer = await openWriter(path)
  try {
    for (let first = 0; first < files; first += filesPerCommit) {
      const works = Array.from({ length: Math.min(filesPerCommit, files - first) }, (_, nth) => {
        const file = newFile(first + nth, chunkOf(first + nth) ?? madeUp(first + nth))
        return () => createFile(writer.db, file)
      })
      for (const outcome of await writer.transactions.run(works)) {
        if (outcome.status === 'rejected') throw outcome.reason
      }
    }
  } finally {
    writer.close()
  }
}

function newFile(index: number, chunk: ChunkUse): NewFile {
  const hasher = new FileHasher()
  hasher.add(chunk.digest)
  return {
    id: randomUUIDv7() as FileId,
    space: defaultSpace,
    name: nameOf(index),
    mediaType: 'application/octet-stream',
    metadata: {},
    digest: hasher.digest(),
    chunks: [chunk],
  }
}

/** Digests that ascend make trees of the same depth as others do, and fill them much faster. */
function madeUp(index: number): ChunkUse {
  const blockDigests = randomBytes(digestBytes)
  blockDigests.writeUInt32BE(index)
  const digest = digestOfBytes(blockDigests)
  const location = `${digest.slice(0, 2)}/${digest}.${digest.slice(-16)}` as Location
  return { digest, size: 4096, blockDigests, location }
}
