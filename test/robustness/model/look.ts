import { isDeepStrictEqual } from 'node:util'
import * as draft from '../../fronts/draft/draft-client.ts'
import { type FileInfo } from '../../http/sample.ts'
import * as tus from '../../fronts/tus/tus-client.ts'
import { request } from '../../support/http-request.ts'
import type { ModelChunk, ModelFile, ModelUpload, State } from './state.ts'
import { described } from './step.ts'
import type { System } from './system.ts'

interface View {
  readonly files: ReadonlyMap<string, FileInfo>
  /** Those that are there. */
  readonly uploads: ReadonlyMap<number, { readonly offset: number; readonly isFinished: boolean }>
}

/**
 * Looks at all that the server has, and resolves with the one of the states that is like that, and
 * with what can only be known by looking. Bytes are read of files that `known` does not have as
 * they are. Throws if the server has anything else.
 */
export async function look(
  system: System,
  possible: readonly State[],
  known: ReadonlyMap<string, ModelFile>,
): Promise<State> {
  const view = await viewOf(system, possible)
  const state = possible.map((each) => settledBy(view, each)).find((each) => each !== undefined)
  if (!state)
    throw new Error(
      `the server has ${shown(view)}, where the model has ${possible.map(summary).join(' or ')}`,
    )
  const files = new Map<string, ModelFile>()
  for (const [name, file] of state.files) {
    const before = known.get(name)
    const isKnown = before?.bytes === file.bytes && before.chunks && before.etag === file.etag
    files.set(
      name,
      isKnown ? { ...file, chunks: before.chunks } : await readFile(system, name, file, state.damaged),
    )
  }
  return { ...state, files }
}

/** Uploads come first: asking for one that is whole makes the file of it. */
async function viewOf(system: System, possible: readonly State[]): Promise<View> {
  const uploads = new Map<number, { readonly offset: number; readonly isFinished: boolean }>()
  const expected = new Map(possible.flatMap((state) => [...state.uploads]))
  for (const [slot, upload] of expected) {
    const found = await uploadAt(system, system.paths.get(slot), upload)
    if (found) uploads.set(slot, found)
  }
  const answer = await request(system.server, 'GET', '/api/files?limit=1000')
  const { files } = answer.json() as { readonly files: readonly FileInfo[] }
  return { files: new Map(files.map((file) => [file.name, file])), uploads }
}

async function uploadAt(
  system: System,
  path: string | undefined,
  { dialect, bytes, isPartial }: ModelUpload,
) {
  if (path === undefined) return undefined
  const { status, headers } = await (dialect === 'tus' ? tus.tus : draft.draft)(system.server, 'HEAD', path)
  if (status === 404) return undefined
  const offset = Number(headers['upload-offset'])
  const isWhole = !isPartial && offset === bytes.length
  return { offset, isFinished: dialect === 'tus' ? isWhole : headers['upload-complete'] === '?1' }
}

/** The state with what the view knows better, or undefined if they contradict each other. */
function settledBy({ files, uploads }: View, state: State): State | undefined {
  if (files.size !== state.files.size || uploads.size !== state.uploads.size) return undefined
  const settledFiles = new Map<string, ModelFile>()
  for (const [name, file] of state.files) {
    const found = files.get(name)
    if (!found || (file.etag !== undefined && file.etag !== found.etag)) return undefined
    const { size, mediaType, metadata, createdAt, modifiedAt } = found
    if (!isDeepStrictEqual(described(state, name), [{ name, size, mediaType, metadata }])) return undefined
    if ((modifiedAt !== createdAt) !== (file.isChanged === true)) return undefined
    settledFiles.set(name, { ...file, etag: found.etag })
  }
  const settledUploads = new Map<number, ModelUpload>()
  for (const [slot, upload] of state.uploads) {
    const found = uploads.get(slot)
    const { offset, offsetAtMost = offset, ...others } = upload
    if (!found || found.offset < offset || found.offset > offsetAtMost) return undefined
    if (found.isFinished !== upload.isFinished) return undefined
    settledUploads.set(slot, { ...others, offset: found.offset })
  }
  return { ...state, files: settledFiles, uploads: settledUploads }
}

async function readFile(
  { server }: System,
  name: string,
  file: ModelFile,
  damaged: ReadonlySet<string>,
): Promise<ModelFile> {
  const info = await request(server, 'GET', `/api/files/${name}?chunks=1`)
  const { chunks } = info.json() as { readonly chunks: readonly ModelChunk[] }
  if (chunks.some(({ digest }) => damaged.has(digest))) return { ...file, chunks }
  const { status, body } = await request(server, 'GET', `/files/${name}`)
  if (status !== 200 || !body.equals(file.bytes)) {
    throw new Error(
      `${name} was answered ${status}, with ${body.length} bytes that are not those of the model`,
    )
  }
  return { ...file, chunks }
}

function shown({ files, uploads }: View): string {
  const sizes = [...files].map(([name, { size, mediaType, metadata }]) => ({
    name,
    size,
    mediaType,
    metadata,
  }))
  return JSON.stringify({ files: sizes, uploads: [...uploads] })
}

function summary(state: State): string {
  const uploads = [...state.uploads].map(([slot, { bytes, ...others }]) => [
    slot,
    { ...others, size: bytes.length },
  ])
  return JSON.stringify({ files: described(state, ...state.files.keys()), uploads })
}
