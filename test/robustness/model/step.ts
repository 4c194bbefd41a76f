import { mostHotBytes } from '../../../src/files/state/small-file-cache.ts'
import { modelOfListing } from '../../catalog/listing-model.ts'
import type { DescribedFile, SeenAnswer } from './answer.ts'
import type { Condition, Kind, Operation } from './operation.ts'
import {
  contents,
  etagOfBytes,
  withFile,
  withoutFile,
  withoutUpload,
  withStored,
  withUpload,
  type ModelFile,
  type ModelUpload,
  type State,
} from './state.ts'

/** One of the things that may come of an operation. */
export interface Outcome {
  readonly state: State
  readonly answer: SeenAnswer
}

type Of<K extends Kind> = Extract<Operation, { readonly do: K }>
type Step<K extends Kind> = (state: State, operation: Of<K>) => readonly Outcome[]

export const mediaTypes = { put: 'text/x-put', form: 'text/x-form', tus: 'text/x-tus', draft: 'text/x-draft' }

/** All that may come of the operation in this state, where nothing goes wrong. */
export function step(state: State, operation: Operation): readonly Outcome[] {
  return (steps[operation.do] as Step<Kind>)(state, operation)
}

const steps: { readonly [K in Kind]: Step<K> } = {
  put(state, { name, content, condition, digest }) {
    const bytes = contents[content]!
    const current = state.files.get(name)
    return ifHolds(state, current, condition, () => {
      if (digest === 'wrong') return refused(state, 400, 'digest_mismatch')
      const after = withStored(state, name, bytes, mediaTypes.put)
      return one(after, {
        status: current ? 200 : 201,
        etag: etagOfBytes(bytes),
        files: described(after, name),
      })
    })
  },

  form(state, { files }) {
    let after = state
    for (const [name, content] of files) after = withStored(after, name, contents[content]!, mediaTypes.form)
    return one(after, { status: 201, files: described(after, ...files.map(([name]) => name)) })
  },

  get(state, { method, name, range, unlessContent }) {
    const file = state.files.get(name)
    if (!file) return one(state, { status: 404 })
    const asStored = file.isChanged ? 'no' : undefined
    const unchanged =
      unlessContent === undefined ? 'no' : (asStored ?? hasTag(file, etagOfBytes(contents[unlessContent]!)))
    const outcomes = unchanged === 'no' ? [] : one(state, { status: 304, bytes: Buffer.alloc(0) })
    return unchanged === 'yes' ? outcomes : [...outcomes, ...sent(state, file, method, range)]
  },

  delete(state, { name, condition }) {
    const current = state.files.get(name)
    if (!current) return refused(state, 404, 'not_found')
    return ifHolds(state, current, condition, () => one(withoutFile(state, name), { status: 204 }))
  },

  change(state, { name, to = name, metadata, condition }) {
    const current = state.files.get(name)
    if (!current) return refused(state, 404, 'not_found')
    return ifHolds(state, current, condition, () => {
      if (to !== name && state.files.has(to)) return refused(state, 409, 'name_taken')
      const changed = { ...current, isChanged: true as const, ...(metadata && { metadata }) }
      const after = withFile(withoutFile(state, name), to, changed)
      return one(after, { status: 200, files: described(after, to) })
    })
  },

  list: (state, query) =>
    one(state, { status: 200, entries: modelOfListing([...state.files.keys()], query) }),

  create(state, { slot, dialect, name, content, isPartial }) {
    const upload = { dialect, name, bytes: contents[content]!, offset: 0, isPartial, isFinished: false }
    return one(withUpload(state, slot, upload), { status: 201 })
  },

  append(state, { slot, bytes, checksum }) {
    const upload = state.uploads.get(slot)!
    const offset = Math.min(upload.bytes.length, upload.offset + bytes)
    if (checksum === 'wrong') {
      return upload.dialect === 'tus'
        ? refused(state, 460, 'checksum_mismatch')
        : refused(state, 400, 'digest_mismatch')
    }
    const appended = withUpload(state, slot, { ...upload, offset })
    if (offset < upload.bytes.length || upload.isPartial) return one(appended, { status: 204, offset })
    const after = finished(appended, slot)
    const status = upload.dialect === 'tus' ? 204 : state.files.has(upload.name) ? 200 : 201
    return one(after, { status, ...(upload.dialect === 'tus' && { offset }) })
  },

  terminate: (state, { slot }) => one(withoutUpload(state, slot), { status: 204 }),

  join(state, { slots, name }) {
    const bytes = Buffer.concat(slots.map((slot) => state.uploads.get(slot)!.bytes))
    const file = { bytes, mediaType: mediaTypes.tus, metadata: {} }
    return one(withFile(state, name, file), { status: 201, offset: bytes.length })
  },

  collect: (state) => one(state, { status: 200 }),
  scrub: (state) => one(state, { status: 200 }),
  restart: (state) => one(state, { status: 200 }),

  flip(state, { name, at }) {
    const { bytes, chunks = [] } = state.files.get(name)!
    const { digest } = chunks.findLast(({ start }) => start <= at * bytes.length)!
    return one({ ...state, damaged: new Set([...state.damaged, digest]) }, { status: 200 })
  },
}

/** The upload is a file by now. */
function finished(state: State, slot: number): State {
  const upload: ModelUpload = state.uploads.get(slot)!
  const file = { bytes: upload.bytes, mediaType: mediaTypes[upload.dialect], metadata: {} }
  const after = withUpload(state, slot, { ...upload, offset: upload.bytes.length, isFinished: true })
  return withFile(after, upload.name, file)
}

export function described(state: State, ...names: readonly string[]): readonly DescribedFile[] {
  return names.map((name) => {
    const { bytes, mediaType, metadata } = state.files.get(name)!
    return { name, size: bytes.length, mediaType, metadata }
  })
}

function one(state: State, answer: SeenAnswer): readonly Outcome[] {
  return [{ state, answer }]
}

function refused(state: State, status: number, code: string): readonly Outcome[] {
  return one(state, { status, code })
}

function hasTag({ etag }: ModelFile, wanted: string): 'yes' | 'no' | 'maybe' {
  return etag === undefined ? 'maybe' : etag === wanted ? 'yes' : 'no'
}

function ifHolds(
  state: State,
  current: ModelFile | undefined,
  condition: Condition,
  then: () => readonly Outcome[],
): readonly Outcome[] {
  const holds = whetherHolds(current, condition)
  const otherwise = refused(state, 412, 'precondition_failed')
  return holds === 'yes' ? then() : holds === 'no' ? otherwise : [...then(), ...otherwise]
}

function whetherHolds(current: ModelFile | undefined, condition: Condition): 'yes' | 'no' | 'maybe' {
  if (condition === 'none') return 'yes'
  if (condition === 'absent') return current ? 'no' : 'yes'
  if (!current) return 'no'
  return condition === 'present' ? 'yes' : hasTag(current, etagOfBytes(contents[condition.isContent]!))
}

function sent(
  state: State,
  { bytes, etag, isChanged, chunks = [] }: ModelFile,
  method: 'GET' | 'HEAD',
  range: readonly [number, number] | undefined,
): readonly Outcome[] {
  const tag = { ...(etag !== undefined && !isChanged && { etag }) }
  if (method === 'HEAD') return one(state, { status: 200, ...tag })
  if (range && range[0] >= bytes.length) return refused(state, 416, 'range_not_satisfiable')
  const [first, last] = range ?? [0, bytes.length - 1]
  const end = Math.min(last + 1, bytes.length)
  const needed = chunks.filter(({ start, size }) => start < end && start + size > first)
  const part = { status: 206, range: `bytes ${first}-${end - 1}/${bytes.length}` }
  const all = one(state, { ...(range ? part : { status: 200 }), ...tag, bytes: bytes.subarray(first, end) })
  if (needed.every(({ digest }) => !state.damaged.has(digest))) return all
  // Broken off, where something that is sound has been sent.
  const noticed = [...refused(state, 500, 'corrupt'), ...one(state, { status: 0 })]
  // A small file may have been read before the damage was done.
  return bytes.length <= mostHotBytes ? [...noticed, ...all] : noticed
}
