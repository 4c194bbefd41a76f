import fc from 'fast-check'
import type { Catalog, ChunkUse } from '../../src/catalog/catalog.ts'
import type { FileId } from '../../src/model/file.ts'
import {
  aChunk,
  aDigest,
  aSpace,
  anUpload,
  chunksOf,
  collectAll,
  inAMinute,
  inOrder,
  present,
  sizeOf,
} from './fixtures.ts'
import type { StoredUse } from './fixtures.ts'

export const steps = fc.array(
  fc.record({
    verb: fc.constantFrom(
      'create',
      'advance',
      'append',
      'join',
      'compaction',
      'finish',
      'deleteUpload',
      'deleteFile',
      'collect',
    ),
    /** Which upload or file, which other one, and whatever else there is to choose. */
    one: fc.nat(),
    other: fc.nat(),
    choice: fc.nat(),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
)

type Step = (typeof steps extends fc.Arbitrary<infer Steps extends readonly unknown[]>
  ? Steps
  : never)[number]

interface KnownUpload {
  readonly id: FileId
  readonly isPartial: boolean
  /** It was joined: nothing changes it any more. */
  isComplete: boolean
  chunks: readonly StoredUse[]
}

/**
 * Does what it is told to do to a catalog and, in the plainest way, to lists of its own, which say
 * what must be there.
 */
export class UploadHistory {
  readonly #catalog: Catalog
  readonly #space = aSpace()
  readonly #uploads: KnownUpload[] = []
  readonly #files: KnownUpload[] = []
  readonly #remembered: KnownUpload[] = []
  /** All that were ever stored. */
  readonly stored: StoredUse[] = []

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  get lists(): readonly KnownUpload[] {
    return [...this.#uploads, ...this.#files]
  }

  /** Nothing happens where there is nothing to do it to. */
  async run(step: Step): Promise<void> {
    const upload = pick(this.#uploads, step.one)
    if (step.verb === 'create') await this.#create(step)
    if (step.verb === 'deleteFile') await this.#deleteFile(pick(this.#files, step.one))
    if (step.verb === 'collect') await collectAll(this.#catalog, { limit: 1 + (step.choice % 5) })
    if (step.verb === 'join') await this.#join(step)
    if (!upload) return
    if (step.verb === 'advance') await this.#advance(upload, step)
    if (step.verb === 'append') await this.#append(upload, pick(this.#uploads, step.other)!)
    if (step.verb === 'compaction') await this.#compaction(upload, step)
    if (step.verb === 'finish' && !upload.isPartial) await this.#finish(upload, step.choice % 2 === 0)
    if (step.verb === 'deleteUpload') await this.#deleteUpload(upload, step)
  }

  /** The unfinished uploads with their offsets, and every chunk list, each with what it must be. */
  async compared(): Promise<readonly (readonly [unknown, unknown])[]> {
    const listed = await this.#catalog.listUploads(this.#space, 99)
    const lists = this.lists.map(
      async ({ id, chunks }) => [await chunksOf(this.#catalog, id), inOrder(chunks)] as const,
    )
    return [
      [
        listed.map(({ id, offset }) => [id, offset]),
        this.#uploads.map(({ id, chunks }) => [id, sizeOf(chunks)]),
      ],
      ...(await Promise.all(lists)),
    ]
  }

  async end(): Promise<void> {
    for (const { id } of [...this.#uploads, ...this.#remembered]) await this.#catalog.deleteUpload(id)
    for (const { id } of this.#files) await this.#catalog.deleteFile(this.#space, { id })
    await collectAll(this.#catalog)
  }

  /** Most begin with chunks: there is little to do to those without. */
  async #create(step: Step): Promise<void> {
    const isPartial = step.one % 2 === 0
    const { id } = await this.#catalog.createUpload(anUpload(this.#space, 'x', { isPartial }))
    const upload = { id, isPartial, isComplete: false, chunks: [] }
    this.#uploads.push(upload)
    if (step.other % 5 !== 0) await this.#advance(upload, step)
  }

  async #advance(upload: KnownUpload, step: Step): Promise<void> {
    if (upload.isComplete) return
    const [known, use] = this.#someChunk(step)
    const from = sizeOf(upload.chunks)
    await this.#catalog.advanceUpload(upload.id, from, [use, present(known)], inAMinute())
    upload.chunks = [...upload.chunks, known, known]
  }

  async #append(upload: KnownUpload, source: KnownUpload): Promise<void> {
    if (upload === source || upload.isComplete || source.isComplete) return
    await this.#catalog.appendUpload(upload.id, sizeOf(upload.chunks), source.id, inAMinute())
    upload.chunks = [...upload.chunks, ...source.chunks]
    remove(this.#uploads, source)
  }

  async #join({ one, other }: Step): Promise<void> {
    const partial = this.#uploads.filter(({ isPartial }) => isPartial)
    const parts = [one, other, one].flatMap((choice) => pick(partial, choice) ?? [])
    for (const part of parts) {
      await this.#catalog.declareUploadSize(part.id, sizeOf(part.chunks))
      part.isComplete = true
    }
    const upload = anUpload(this.#space, 'x')
    await this.#catalog.concatenateUploads(
      upload,
      parts.map(({ id }) => id),
    )
    const chunks = parts.flatMap((part) => part.chunks)
    this.#uploads.push({ id: upload.id, isPartial: false, isComplete: true, chunks })
  }

  async #compaction(upload: KnownUpload, { one, other, choice }: Step): Promise<void> {
    const [first, behind] = [one, other].map((n) => n % (upload.chunks.length + 1)).sort((a, b) => a - b)
    const replaced = upload.chunks.slice(first, behind)
    if (replaced.length === 0 || upload.isComplete) return
    const start = sizeOf(upload.chunks.slice(0, first))
    const end = start + sizeOf(replaced)
    const fresh = aChunk({ size: end - start })
    const isReversed = choice % 3 === 0
    const uses: readonly ChunkUse[] = isReversed ? replaced.toReversed().map(present) : [fresh]
    await this.#catalog.compactUpload(upload.id, start, end, uses)
    if (!isReversed) this.stored.push(fresh)
    upload.chunks = upload.chunks.toSpliced(
      first!,
      replaced.length,
      ...(isReversed ? replaced.toReversed() : [fresh]),
    )
  }

  /** All files have one name, so each lets the one before go. */
  async #finish(upload: KnownUpload, isRemembered: boolean): Promise<void> {
    await this.#catalog.finishUploads([{ id: upload.id, digest: aDigest(), isRemembered }])
    remove(this.#uploads, upload)
    this.#files.splice(0, this.#files.length, upload)
    if (isRemembered) this.#remembered.push(upload)
  }

  async #deleteUpload(upload: KnownUpload, { one, choice }: Step): Promise<void> {
    const finished = pick(this.#remembered, one)
    const gone = finished && choice % 2 === 0 ? finished : upload
    await this.#catalog.deleteUpload(gone.id)
    remove(this.#uploads, gone)
    remove(this.#remembered, gone)
  }

  async #deleteFile(file: KnownUpload | undefined): Promise<void> {
    if (!file) return
    await this.#catalog.deleteFile(this.#space, { id: file.id })
    remove(this.#files, file)
  }

  /** One that is present, or a new one. */
  #someChunk({ other, choice }: Step): readonly [StoredUse, ChunkUse] {
    const old = pick(
      this.lists.flatMap(({ chunks }) => chunks),
      other,
    )
    if (old && choice % 3 === 0) return [old, present(old)]
    const chunk = aChunk({ size: 1 + (choice % 7) })
    this.stored.push(chunk)
    return [chunk, chunk]
  }
}

function pick<T>(from: readonly T[], choice: number): T | undefined {
  return from[choice % from.length]
}

function remove<T>(from: T[], one: T): void {
  const at = from.indexOf(one)
  if (at !== -1) from.splice(at, 1)
}
