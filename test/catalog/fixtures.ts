import { randomBytes } from 'node:crypto'
import type {
  Catalog,
  ChunkUse,
  CollectQuery,
  CommittedFile,
  NewFile,
  NewUpload,
} from '../../src/catalog/catalog.ts'
import type { Location } from '../../src/model/chunk.ts'
import { parseDigest } from '../../src/model/digest.ts'
import type { Digest } from '../../src/model/digest.ts'
import { StoreError } from '../../src/model/errors.ts'
import { parseFileId, type FileId, type FileName, type Space } from '../../src/model/file.ts'
import type { Upload } from '../../src/model/upload.ts'

export type StoredUse = ChunkUse & { readonly location: Location }

let made = 0

/** An id behind all that were made before. */
export function anId(): FileId {
  const count = (++made).toString(16).padStart(12, '0')
  return parseFileId(`${count.slice(0, 8)}-${count.slice(8)}-7abc-8def-${randomBytes(6).toString('hex')}`)
}

/** Somebody who has nothing yet, so that no test sees what another one left. */
export function aSpace(): Space {
  return `space-${anId()}` as Space
}

export function aDigest(): Digest {
  return parseDigest(randomBytes(32).toString('hex'))
}

/** Unlike `parseFileName`, takes everything. */
export function named(name: string): FileName {
  return name as FileName
}

/** A chunk that was just stored. */
export function aChunk(fields: Partial<StoredUse> = {}): StoredUse {
  return { digest: aDigest(), size: 10, blockDigests: randomBytes(32), location: aLocation(), ...fields }
}

/** The same chunk, believed present. */
export function present({ digest, size, blockDigests }: ChunkUse): ChunkUse {
  return { digest, size, blockDigests }
}

export function aLocation(): Location {
  return `at-${anId()}` as Location
}

export function aFile(space: Space, name: string, fields: Partial<NewFile> = {}): NewFile {
  return {
    id: anId(),
    space,
    name: named(name),
    mediaType: 'text/plain',
    metadata: {},
    digest: aDigest(),
    chunks: [],
    ...fields,
  }
}

export function inAMinute(): number {
  return Date.now() + 60_000
}

export function anUpload(space: Space, name: string, fields: Partial<NewUpload> = {}): NewUpload {
  return {
    id: anId(),
    space,
    name: named(name),
    mediaType: 'text/plain',
    metadata: {},
    expiresAt: inAMinute(),
    ...fields,
  }
}

/** An upload that has these chunks by now. */
export async function startUpload(
  catalog: Catalog,
  chunks: readonly ChunkUse[],
  fields: Partial<NewUpload> = {},
): Promise<Upload> {
  const upload = await catalog.createUpload(anUpload(aSpace(), 'x', fields))
  const offset = await catalog.advanceUpload(upload.id, 0, chunks, upload.expiresAt)
  return { ...upload, offset }
}

/** A partial upload that is whole, to be joined. */
export async function completePart(
  catalog: Catalog,
  space: Space,
  chunks: readonly ChunkUse[],
): Promise<Upload> {
  return startUpload(catalog, chunks, { space, size: sizeOf(chunks), isPartial: true })
}

export function sizeOf(chunks: readonly { readonly size: number }[]): number {
  return chunks.reduce((sum, { size }) => sum + size, 0)
}

/** Start and digest of every chunk that the file or upload has. */
export async function chunksOf(
  catalog: Catalog,
  id: FileId,
): Promise<readonly (readonly [number, Digest])[]> {
  const chunks = await catalog.listChunks(id, 0, 10_000)
  return chunks.map(({ start, digest }) => [start, digest])
}

/** What `chunksOf` gives for exactly these chunks. */
export function inOrder(chunks: readonly ChunkUse[]): readonly (readonly [number, Digest])[] {
  return chunks.map(({ digest }, index) => [sizeOf(chunks.slice(0, index)), digest])
}

/** Collects, step by step, until there is no more to do; resolves with the number of steps. */
export async function collectAll(catalog: Catalog, query: Partial<CollectQuery> = {}): Promise<number> {
  const whole = { unlinkedBefore: Date.now() + 1, inUse: [], limit: 100, ...query }
  let steps = 1
  while ((await catalog.collectChunks(whole)).hasMore) steps++
  return steps
}

export async function createFiles(
  catalog: Catalog,
  space: Space,
  names: readonly string[],
): Promise<readonly CommittedFile[]> {
  return Promise.all(names.map((name) => catalog.createFile(aFile(space, name))))
}

/** `done`, or the code that the call rejects with. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreError ? error.code : String(error)),
  )
}

/** How often each outcome came. */
export async function tally(calls: readonly Promise<unknown>[]): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const outcome of await Promise.all(calls.map(outcomeOf))) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

/** All garbage among these locations, in the catalog's order. */
export async function garbageAmong(
  catalog: Catalog,
  locations: readonly Location[],
): Promise<readonly Location[]> {
  const garbage = await catalog.listGarbage(100_000)
  return garbage.map(({ location }) => location).filter((location) => locations.includes(location))
}
