import type {
  Catalog,
  ChunkUse,
  CommittedFile,
  FinishedUpload,
  Precondition,
  ManifestLocations,
} from '../../catalog/catalog.ts'
import { damage } from '../../catalog/seals.ts'
import { packed, type Location, type PackedChunks } from '../../model/chunk.ts'
import { BlockHasher, digestOfChunk, FileHasher } from '../../model/hashers.ts'
import { isRefusal, StoreError } from '../../model/errors.ts'
import type { FileId, StoredFile } from '../../model/file.ts'
import { atOnce } from '../../rx/at-once.ts'
import { writeConfirmation, writeManifest, type FileManifest } from './file-manifest.ts'
import type { Counted, Storage } from '../state/file-store.ts'

/** A page then has about 400 KiB, and most files have one page: each page takes a sync. */
export const chunksPerManifest = 1024

/**
 * Manifests of a group that are put at once: the stores batch small ones, and large ones take 400
 * KiB each.
 */
const putsAtOnce = 64

interface ChunkLists {
  readonly catalog: Pick<Catalog, 'packChunks'>
}

type Pages = AsyncIterable<PackedChunks> | Iterable<PackedChunks>

/** Everything about a file that does not follow from its chunks. */
export type DescribedFile = Omit<StoredFile, 'size' | 'digest'>

/** An upload that becomes this file, with the same id. */
export interface FinishingUpload extends Pick<FinishedUpload, 'precondition' | 'isRemembered'> {
  readonly file: DescribedFile
}

/** A file that does not exist yet, and its durable manifest. */
export interface ManifestFile {
  readonly file: StoredFile
  readonly manifest: ManifestLocations
}

/**
 * Commits a file of these chunks together with the locations of its manifest. If the commit is
 * refused, it deletes the manifest. Resolves when the manifests of replaced files are deleted, too:
 * from then on, the store by itself says the same as the catalog.
 */
export async function createWithManifest(
  store: Storage & Counted,
  { file, manifest }: ManifestFile,
  chunks: readonly ChunkUse[],
  precondition: Precondition | undefined,
): Promise<CommittedFile> {
  const created = { ...file, chunks, manifest, ...(precondition && { precondition }) }
  const commit = async () => [await store.catalog.createFile(created)]
  const [committed] = await committing(store, [manifest], commit, () => deleteManifest(store, manifest))
  return committed!
}

/**
 * Turns uploads into files, all or none, each with its manifest. Rejects what the stores reject.
 */
export async function finishWithManifests(
  store: Storage & Counted,
  uploads: readonly FinishingUpload[],
): Promise<readonly CommittedFile[]> {
  const put: ManifestLocations[] = []
  const confirmations: ManifestLocations[] = []
  const discard = () => discardGroup(store, confirmations, put)
  const putOne = async ({ file: described, ...others }: FinishingUpload, group: string | undefined) => {
    const { id } = described
    const { file, manifest } = await putManifest(store, described, pagesOfChunks(store, id), group)
    put.push(manifest)
    return { id, digest: file.digest, size: file.size, ...others, manifest }
  }
  const confirm = async (
    finished: FinishedUpload & { readonly manifest: ManifestLocations },
    group: string,
  ) => {
    const { id, manifest } = finished
    const location = await putText(store, writeConfirmation({ id, group }))
    confirmations.push({ at: manifest.at, locations: [location] })
    return { ...finished, manifest: { ...manifest, locations: [...manifest.locations, location] } }
  }
  let finished: readonly (FinishedUpload & { readonly manifest: ManifestLocations })[]
  try {
    const group = uploads.length > 1 ? crypto.randomUUID() : undefined
    finished = await atOnce(uploads, putsAtOnce, (upload) => putOne(upload, group))
    // From the first confirmation on, all of the group exist.
    if (group !== undefined) finished = await atOnce(finished, putsAtOnce, (one) => confirm(one, group))
  } catch (error) {
    await discard()
    throw error
  }
  const manifests = finished.map(({ manifest }) => manifest)
  return committing(store, manifests, () => store.catalog.finishUploads(finished), discard)
}

async function committing(
  store: Storage & Counted,
  manifests: readonly ManifestLocations[],
  commit: () => Promise<readonly CommittedFile[]>,
  discard: () => Promise<void>,
): Promise<readonly CommittedFile[]> {
  let committed: readonly CommittedFile[]
  try {
    committed = await commit()
  } catch (error) {
    if (isRefusal(error)) await discard()
    throw error
  } finally {
    forgetPuts(
      store,
      manifests.flatMap(({ locations }) => locations),
    )
  }
  await deleteManifestPages(
    store,
    committed.flatMap(({ unlinkedManifests: ended }) => ended),
  )
  return committed
}

/**
 * Resolves once the manifest would survive a power cut. Reads the chunk list once. Leaves nothing
 * behind if it fails. The first page comes last, because without it the others describe no file. A
 * manifest of a group counts only when a member of the group is confirmed.
 */
export async function putManifest(
  store: Storage & Counted,
  described: DescribedFile,
  pages: Pages,
  group?: string,
): Promise<ManifestFile> {
  const { id, createdAt, modifiedAt: at } = described
  const hasher = new FileHasher()
  const later: Location[] = []
  let first = packed([])
  let size = 0
  let putting: Promise<unknown> = Promise.resolve()
  try {
    for await (const chunks of pages) {
      await putting
      if (size === 0) first = chunks
      else putting = putPage(store, { id, start: size, chunks }).then((location) => later.push(location))
      hasher.addAll(chunks.digests)
      size += sizeOf(chunks)
    }
    await putting
    const file = { ...described, size, digest: hasher.digest() }
    const location = await putPage(store, {
      id,
      file,
      ...(group !== undefined && { group }),
      start: 0,
      chunks: first,
    })
    return { file, manifest: { at, createdAt, locations: [location, ...later] } }
  } catch (error) {
    await Promise.allSettled([putting])
    await deleteManifest(store, { at, locations: later })
    throw error
  }
}

/**
 * Puts a new first page for a file whose other pages stay. Rejects `corrupt` if its chunks are
 * incomplete.
 */
export async function putFirstPage(
  store: Pick<Storage, 'manifests'>,
  file: StoredFile,
  chunks: PackedChunks,
): Promise<Location> {
  // The old page is deleted afterwards: a list that lost its end must not become the manifest.
  const isWhole = chunks.sizes.length === chunksPerManifest || sizeOf(chunks) === file.size
  if (!isWhole) throw damage(`the file ${file.id} has lost chunks`)
  return putPage(store, { id: file.id, file, start: 0, chunks })
}

/** The chunks of a file or an upload, one manifest page at a time. */
export async function* pagesOfChunks({ catalog }: ChunkLists, id: FileId): AsyncGenerator<PackedChunks> {
  for (let at = 0; ;) {
    const chunks = await catalog.packChunks(id, at, chunksPerManifest)
    if (chunks.sizes.length > 0) yield chunks
    if (chunks.sizes.length < chunksPerManifest) return
    at += sizeOf(chunks)
  }
}

function sizeOf({ sizes }: PackedChunks): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Call when the catalog knows the locations, or nobody will tell it any more. */
export function forgetPuts(
  { uncommitted }: Pick<Counted, 'uncommitted'>,
  locations: readonly Location[],
): void {
  for (const location of locations) uncommitted.forget(location)
}

/**
 * Deletes durably: the manifest of a deleted file must not come back after its deletion was
 * acknowledged. Every failure is `unavailable` and no refusal: the catalog has changed by now, and
 * counts on what was put before.
 */
export async function deleteManifestPages(
  { manifests }: Pick<Storage, 'manifests'>,
  locations: readonly Location[],
): Promise<void> {
  try {
    await atOnce(locations, putsAtOnce, (location) => manifests.delete(location))
  } catch (cause) {
    const message =
      'What was asked for is done, but a manifest of what was there before could not be deleted yet.'
    throw new StoreError('unavailable', message, { cause })
  }
}

/** Deletes a manifest that the catalog has never heard of. */
export function deleteManifest(store: Storage & Counted, manifest: ManifestLocations): Promise<void> {
  return discardGroup(store, [], [manifest])
}

/**
 * Deletes the confirmations first: without them the group has no files, so a kill in between cannot
 * leave half of it.
 */
async function discardGroup(
  store: Storage & Counted,
  confirmations: readonly ManifestLocations[],
  manifests: readonly ManifestLocations[],
): Promise<void> {
  const locations = [confirmations, manifests].map((places) => places.flatMap((place) => place.locations))
  try {
    for (const some of locations) await deleteManifestPages(store, some)
  } catch (error) {
    // They will be collected; the caller must hear of the first error.
    store.options.onBackgroundError(error, 'deleting manifests of a file that is none')
  } finally {
    // Also those whose deletion was not tried: they are found as orphans.
    forgetPuts(store, locations.flat())
  }
}

function putPage(store: Pick<Storage, 'manifests'>, page: FileManifest): Promise<Location> {
  return putText(store, writeManifest(page))
}

function putText({ manifests }: Pick<Storage, 'manifests'>, bytes: Buffer): Promise<Location> {
  const hasher = new BlockHasher()
  hasher.update(bytes)
  return manifests.put(digestOfChunk(hasher.finish()), [bytes])
}
