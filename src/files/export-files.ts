import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Catalog } from '../catalog/catalog.ts'
import type { ChunkStore } from '../chunks/chunk-store.ts'
import { blockBytes } from '../model/digest.ts'
import { StoreError } from '../model/errors.ts'
import { soleOwner, type StoredFile } from '../model/file.ts'
import { writableName } from '../model/writable-name.ts'
import { planBlocks } from './plan-blocks.ts'

export interface ExportSources {
  readonly catalog: Pick<Catalog, 'listFiles' | 'listChunks'>
  /** Verified. */
  readonly chunks: ChunkStore
}

export interface ExportOptions {
  /** Only names that begin so. */
  readonly prefix: string
  /** Below it every file gets the path that its name is, or that `writableName` makes of it. */
  readonly directory: string
  readonly onExported: (file: StoredFile) => void
  /** It is not there; the others are tried all the same. */
  readonly onFailed: (file: StoredFile, error: unknown) => void
}

const filesPerPage = 256

/**
 * Writes files out as plain files, one after the other, verified, with the times at which they were last modified. Whatever has a name that is to be
 * written stays as it is: a file appears under its name when it is whole and synced, and only if nothing is there.
 */
export async function exportFiles(
  sources: ExportSources,
  { prefix, directory, onExported, onFailed }: ExportOptions,
): Promise<void> {
  const buffer = Buffer.alloc(blockBytes)
  let after: string | undefined
  do {
    const query = { owner: soleOwner, prefix, limit: filesPerPage, ...(after !== undefined && { after }) }
    const { files, next } = await sources.catalog.listFiles(query)
    for (const file of files) {
      try {
        await exportFile(sources, file, join(directory, ...writableName(file.name).split('/')), buffer)
        onExported(file)
      } catch (error) {
        onFailed(file, error)
      }
    }
    after = next
  } while (after !== undefined)
}

async function exportFile(
  sources: ExportSources,
  file: StoredFile,
  path: string,
  buffer: Buffer,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const draft = join(dirname(path), `.${randomUUID()}.ashlar-part`)
  const output = await open(draft, 'wx')
  try {
    try {
      await copy(sources, file, output, buffer)
      const modifiedAt = new Date(file.modifiedAt)
      await output.utimes(modifiedAt, modifiedAt)
      await output.sync()
    } finally {
      await output.close()
    }
    // Unlike a rename it replaces nothing.
    await link(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

async function copy(
  { catalog, chunks }: ExportSources,
  file: StoredFile,
  output: FileHandle,
  buffer: Buffer,
): Promise<void> {
  let written = 0
  for await (const { chunk, offset, length, until } of planBlocks(catalog, file, {
    start: 0,
    end: file.size,
  })) {
    const { location, size, blockDigests } = chunk
    const block = buffer.subarray(0, length)
    await chunks.read(location, offset, block, { size, blockDigests, until })
    await output.appendFile(block)
    written += length
  }
  if (written !== file.size)
    throw new StoreError('corrupt', `${file.name} has ${written} of ${file.size} bytes.`)
}
