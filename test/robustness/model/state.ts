import { etagOf } from '../../../src/http/headers/etags.ts'
import { digestOf } from '../../http/sample.ts'
import { chunkOf, sampleChunk } from '../../chunks/sample-chunk.ts'

const chunkSize = 64 * 1024

export interface ModelChunk {
  readonly digest: string
  readonly start: number
  readonly size: number
}

export interface ModelFile {
  readonly bytes: Buffer
  readonly mediaType: string
  readonly metadata: Readonly<Record<string, string>>
  /** Absent where it follows from how the bytes came, until somebody has looked. */
  readonly etag?: string
  /**
   * It was changed after it was stored: what a download has as its tag is more than that of the
   * content.
   */
  readonly isChanged?: true
  /** The same of these. */
  readonly chunks?: readonly ModelChunk[]
}

export interface ModelUpload {
  readonly dialect: 'tus' | 'draft'
  readonly name: string
  /** What it is to become; it has the first `offset` bytes. */
  readonly bytes: Buffer
  readonly offset: number
  /** The offset may be anything up to this, if a fault has kept anybody from knowing. */
  readonly offsetAtMost?: number
  readonly isPartial: boolean
  readonly isFinished: boolean
}

/** All that a client can know of a store. Never changed in place. */
export interface State {
  readonly files: ReadonlyMap<string, ModelFile>
  /** By the number that the plan has for them. */
  readonly uploads: ReadonlyMap<number, ModelUpload>
  /**
   * Digests of chunks of which a bit was flipped on the disk, and which nobody has put again since.
   */
  readonly damaged: ReadonlySet<string>
}

export const empty: State = { files: new Map(), uploads: new Map(), damaged: new Set() }

/**
 * Few contents, so that files share chunks: the second and the third begin alike, the last is the
 * first chunk of both.
 */
export const contents: readonly Buffer[] = [
  Buffer.alloc(0),
  sampleChunk(150_000, 1).bytes,
  Buffer.concat([sampleChunk(150_000, 1).bytes.subarray(0, chunkSize), sampleChunk(50_000, 2).bytes]),
  sampleChunk(1000, 3).bytes,
  sampleChunk(150_000, 1).bytes.subarray(0, chunkSize),
]

/** Of bytes that came at once. */
export function etagOfBytes(bytes: Buffer): string {
  return etagOf(digestOf(bytes, chunkSize))
}

/** Digests of the chunks of bytes that come at once. */
function chunkDigestsOf(bytes: Buffer): readonly string[] {
  const digests: string[] = []
  for (let at = 0; at < bytes.length; at += chunkSize) {
    digests.push(chunkOf(bytes.subarray(at, at + chunkSize)).digest)
  }
  return digests
}

/** A file that came whole. Its chunks are sound from then on, whoever else has them. */
export function withStored(state: State, name: string, bytes: Buffer, mediaType: string): State {
  const damaged = state.damaged.difference(new Set(chunkDigestsOf(bytes)))
  return { ...withFile(state, name, { bytes, mediaType, metadata: {}, etag: etagOfBytes(bytes) }), damaged }
}

export function withFile(state: State, name: string, file: ModelFile): State {
  return { ...state, files: new Map(state.files).set(name, file) }
}

export function withoutFile(state: State, name: string): State {
  const files = new Map(state.files)
  files.delete(name)
  return { ...state, files }
}

export function withUpload(state: State, slot: number, upload: ModelUpload): State {
  return { ...state, uploads: new Map(state.uploads).set(slot, upload) }
}

export function withoutUpload(state: State, slot: number): State {
  const uploads = new Map(state.uploads)
  uploads.delete(slot)
  return { ...state, uploads }
}
