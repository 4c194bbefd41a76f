import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Catalog } from '../../catalog/catalog.ts'
import type { ChunkStore } from '../../chunks/chunk-store.ts'
import { moveToFreeName } from '../../chunks/move-to-free-name.ts'
import { blockBytes, digestBytes } from '../../model/digest.ts'
import { digestOfBlock } from '../../model/hashers.ts'
import { StoreError } from '../../model/errors.ts'
import { keptAttributes, type Space, type StoredFile } from '../../model/file.ts'
import { writableName } from '../../model/writable-name.ts'
import { filesInSpace } from './files-in-space.ts'
import { planBlocks, type PlannedBlock } from '../download/plan-blocks.ts'

export interface ExportSources {
  readonly catalog: Pick<Catalog, 'listFiles' | 'listChunks'>
  /** Verified. */
  readonly chunks: ChunkStore
}

export interface ExportOptions {
  readonly space: Space
  /** Only names that begin with this. */
  readonly prefix: string
  /** Every file gets a path below this: its name, or what `writableName` makes of it. */
  readonly directory: string
  /** The file is there, whole. `isUnchanged`: an earlier run wrote it. */
  readonly onExported: (file: StoredFile, isUnchanged: boolean) => void
  /** The file is not there; the others are still tried. */
  readonly onFailed: (file: StoredFile, error: unknown) => void
  /** This many more bytes of the file are written, or were found. */
  readonly onProgress?: (file: StoredFile, bytes: number) => void
}

const isWindows = process.platform === 'win32'

/** An unfinished file is named with a dot, its id and this ending, beside its destination. */
const partEnding = '.ashlar-part'
const partPattern = /^\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.ashlar-part$/

/**
 * Writes files out as plain files, one after the other, verified, with the times and permissions
 * that `ashlar put` has kept. A file appears under its name when it is whole and synced. Existing
 * files stay, and are errors unless they have the same content. After an interruption it resumes.
 */
export async function exportFiles(sources: ExportSources, options: ExportOptions): Promise<void> {
  const { space, prefix, directory, onExported, onFailed } = options
  const buffer = Buffer.alloc(blockBytes)
  const folders = new Set<string>()
  for await (const file of filesInSpace(sources.catalog, space, prefix)) {
    const path = join(directory, ...writableName(file.name, { isWindows }).split('/'))
    try {
      await mkdir(dirname(path), { recursive: true })
      folders.add(dirname(path))
      const onBytes = (bytes: number) => options.onProgress?.(file, bytes)
      onExported(file, await exportFile(sources, file, path, { buffer, onBytes }))
    } catch (error) {
      onFailed(file, error)
    }
  }
  for (const folder of folders) await removeParts(folder)
}

/** Deletes what an interrupted run has left of files that the store no longer has. */
async function removeParts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (partPattern.test(name)) await rm(join(folder, name))
}

interface Copying {
  /** Holds one block. */
  readonly buffer: Buffer
  readonly onBytes: (bytes: number) => void
}

/** Resolves with whether it was there already. */
async function exportFile(
  sources: ExportSources,
  file: StoredFile,
  path: string,
  copying: Copying,
): Promise<boolean> {
  if (await isExported(sources, file, path, copying)) return true
  const part = join(dirname(path), `.${file.id}${partEnding}`)
  const output = await open(part, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
  try {
    try {
      await copy(sources, file, output, copying)
      await restoreAttributes(output, file)
      await output.sync()
    } finally {
      await output.close()
    }
    await moveToFreeName(part, path)
  } finally {
    await rm(part, { force: true })
  }
  return false
}

async function isExported(
  sources: ExportSources,
  file: StoredFile,
  path: string,
  { buffer, onBytes }: Copying,
): Promise<boolean> {
  const present = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!present) return false
  const { size, mtimeMs } = attributesOf(file)
  if (!present.isFile() || present.size !== size) throw isThere(path)
  // As other tools do: files appear whole, with their own time.
  const isAsWritten = Math.round(present.mtimeMs) === mtimeMs
  if (!isAsWritten) await takeOver(sources, file, path, buffer)
  onBytes(size)
  return true
}

function isThere(path: string): Error {
  return Object.assign(new Error(`${path} is there already, with other content, and stays as it is`), {
    code: 'EEXIST',
  })
}

/**
 * Sets times and permissions of an existing file with the same content. Rejects `EEXIST` otherwise.
 */
async function takeOver(
  { catalog }: ExportSources,
  file: StoredFile,
  path: string,
  buffer: Buffer,
): Promise<void> {
  const present = await open(path)
  try {
    let at = 0
    for await (const block of planBlocks(catalog, file, { start: 0, end: file.size })) {
      if (!(await isPresent(present, at, block, buffer))) throw isThere(path)
      at += block.length
    }
    await restoreAttributes(present, file)
  } finally {
    await present.close()
  }
}

/** Whether the file has the block at its offset. */
async function isPresent(
  file: FileHandle,
  at: number,
  { chunk, offset, length }: PlannedBlock,
  buffer: Buffer,
): Promise<boolean> {
  const { bytesRead } = await file.read(buffer, 0, length, at)
  const number = offset / blockBytes
  const expected = chunk.blockDigests.subarray(number * digestBytes, (number + 1) * digestBytes)
  return bytesRead === length && digestOfBlock(buffer.subarray(0, length)).equals(expected)
}

async function copy(
  { catalog, chunks }: ExportSources,
  file: StoredFile,
  output: FileHandle,
  { buffer, onBytes }: Copying,
): Promise<void> {
  let written = 0
  let { size: present } = await output.stat()
  for await (const planned of planBlocks(catalog, file, { start: 0, end: file.size })) {
    const { chunk, offset, length, until } = planned
    if (written + length > present || !(await isPresent(output, written, planned, buffer))) {
      // What an interruption leaves is intact up to some offset.
      present = 0
      const { location, size, blockDigests } = chunk
      const block = buffer.subarray(0, length)
      await chunks.read(location, offset, block, { size, blockDigests, until })
      await writeAt(output, written, block)
    }
    written += length
    onBytes(length)
  }
  if (written !== file.size)
    throw new StoreError('corrupt', `${file.name} has ${written} of ${file.size} bytes.`)
  await output.truncate(written)
}

async function writeAt(output: FileHandle, at: number, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await output.write(bytes, written, bytes.length - written, at + written)).bytesWritten
  }
}

function attributesOf({ size, modifiedAt, metadata }: StoredFile) {
  return { size, mtimeMs: modifiedAt, ...keptAttributes(metadata) }
}

async function restoreAttributes(output: FileHandle, file: StoredFile): Promise<void> {
  const { mtimeMs, mode } = attributesOf(file)
  await output.utimes(new Date(mtimeMs), new Date(mtimeMs))
  if (mode !== undefined && process.platform !== 'win32') await output.chmod(mode)
}
