import { createHash } from 'node:crypto'
import { collectGarbage } from '../../../src/files/upkeep/collect-garbage.ts'
import { findOrphans } from '../../../src/files/upkeep/find-orphans.ts'
import { Scrub } from '../../../src/files/upkeep/scrub.ts'
import { parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { flipBitOfStored } from '../../chunks/stored-files.ts'
import { filePart, form, post } from '../../http/form.ts'
import { inPieces } from '../../http/sample.ts'
import * as draft from '../../fronts/draft/draft-client.ts'
import * as tus from '../../fronts/tus/tus-client.ts'
import { request, type Answer } from '../../support/http-request.ts'
import type { DescribedFile, SeenAnswer } from './answer.ts'
import type { Condition, Kind, Operation } from './operation.ts'
import { contents, etagOfBytes, type State } from './state.ts'
import { mediaTypes } from './step.ts'
import type { System } from './system.ts'

type Of<K extends Kind> = Extract<Operation, { readonly do: K }>
type Send<K extends Kind> = (system: System, operation: Of<K>, state: State) => Promise<Answer | undefined>

/** Does it, and says what came back. Of the state it only needs where an upload is. */
export async function send(system: System, operation: Operation, state: State): Promise<SeenAnswer> {
  if (operation.do === 'list') return list(system, operation)
  try {
    const answer = await (sends[operation.do] as Send<Kind>)(system, operation, state)
    return answer === undefined ? { status: 200 } : seen(answer)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ECONNRESET') throw error
    return { status: 0 }
  }
}

const sends: { readonly [K in Exclude<Kind, 'list'>]: Send<K> } = {
  put(system, { name, content, isChunked, condition, digest }) {
    const bytes = contents[content]!
    const hashed = digest === 'wrong' ? Buffer.concat([bytes, bytes, Buffer.from('x')]) : bytes
    const sha256 = createHash('sha256').update(hashed).digest('base64')
    return request(system.server, 'PUT', `/files/${name}`, {
      body: isChunked ? inPieces(bytes) : bytes,
      headers: {
        'Content-Type': mediaTypes.put,
        ...conditional(condition),
        ...(digest !== 'none' && { 'Repr-Digest': `sha-256=:${sha256}:` }),
      },
    })
  },

  form: (system, { files }) =>
    post(
      system.server,
      form(files.map(([name, content]) => filePart(name, contents[content]!, mediaTypes.form))),
    ),

  get(system, { method, name, range, unlessContent }) {
    return request(system.server, method, `/files/${name}`, {
      headers: {
        ...(range && { Range: `bytes=${range[0]}-${range[1]}` }),
        ...(unlessContent !== undefined && { 'If-None-Match': etagOfBytes(contents[unlessContent]!) }),
      },
    })
  },

  delete: (system, { name, condition }) =>
    request(system.server, 'DELETE', `/files/${name}`, { headers: conditional(condition) }),

  change(system, { name, to, metadata, condition }) {
    return request(system.server, 'PATCH', `/api/files/${name}`, {
      headers: { 'Content-Type': 'application/json', ...conditional(condition) },
      body: JSON.stringify({ ...(to !== undefined && { name: to }), ...(metadata && { metadata }) }),
    })
  },

  async create(system, { slot, dialect, name, content, isPartial }) {
    const answer = await (dialect === 'draft'
      ? draft.draft(system.server, 'PUT', `/files/${name}`, {
          'Content-Type': mediaTypes.draft,
          'Upload-Complete': '?0',
        })
      : tus.create(system.server, {
          'Upload-Length': contents[content]!.length,
          'Upload-Metadata': tus.metadata({ filename: name, filetype: mediaTypes.tus }),
          ...(isPartial && { 'Upload-Concat': 'partial' }),
        }))
    if (answer.status === 201) system.paths.set(slot, tus.locationIn(answer))
    return answer
  },

  append(system, { slot, bytes, checksum }, state) {
    const upload = state.uploads.get(slot)!
    const path = system.paths.get(slot)!
    const body = upload.bytes.subarray(upload.offset, upload.offset + bytes)
    const hashed = checksum === 'wrong' ? Buffer.concat([body, Buffer.from('x')]) : body
    if (upload.dialect === 'tus') {
      const headers = { ...(checksum !== 'none' && { 'Upload-Checksum': tus.checksum(hashed) }) }
      return tus.patch(system.server, path, upload.offset, body, headers)
    }
    const sha256 = createHash('sha256').update(hashed).digest('base64')
    const headers = { ...(checksum !== 'none' && { 'Content-Digest': `sha-256=:${sha256}:` }) }
    const isLast = upload.offset + body.length === upload.bytes.length
    return draft.append(system.server, path, upload.offset, body, isLast, headers)
  },

  terminate(system, { slot }, state) {
    const path = system.paths.get(slot)!
    return state.uploads.get(slot)!.dialect === 'tus'
      ? tus.tus(system.server, 'DELETE', path)
      : draft.draft(system.server, 'DELETE', path)
  },

  join: (system, { slots, name }) =>
    tus.create(system.server, {
      'Upload-Concat': `final;${slots.map((slot) => system.paths.get(slot)!).join(' ')}`,
      'Upload-Metadata': tus.metadata({ filename: name, filetype: mediaTypes.tus }),
    }),

  async collect({ server: { store } }) {
    await findOrphans(store)
    await collectGarbage(store)
    return undefined
  },

  async scrub({ server: { store } }, _, { damaged }) {
    const now = Date.now()
    const clock = { now: () => now, wait: () => Promise.resolve() }
    const found: string[] = []
    const report = {
      checked: () => {},
      found: ({ digest }: { readonly digest: string }) => found.push(digest),
    }
    await new Scrub(store, { scrubRate: Infinity, scrubIntervalMs: 0 }, report, clock).run(
      AbortSignal.timeout(10_000),
    )
    const undamaged = found.filter((digest) => !damaged.has(digest))
    if (undamaged.length > 0) throw new Error(`found damage in chunks that are sound: ${undamaged.join()}`)
    return undefined
  },

  async restart(system) {
    await system.restart()
    return undefined
  },

  async flip({ server: { store, chunkDirectory } }, { name, at }, state) {
    const file = await store.catalog.findFile(defaultSpace, { name: parseFileName(name) })
    const [chunk] = await store.catalog.listChunks(file!.id, Math.floor(at * file!.size), 1)
    // A second flip would mend the first.
    if (!state.damaged.has(chunk!.digest)) await flipBitOfStored(chunkDirectory, chunk!.location, 0)
    return undefined
  },
}

async function list(system: System, { prefix, delimiter, limit }: Of<'list'>): Promise<SeenAnswer> {
  const entries: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({
      prefix,
      limit: String(limit),
      cursor,
      ...(delimiter && { delimiter }),
    })
    const answer = await request(system.server, 'GET', `/api/files?${query.toString()}`)
    if (answer.status !== 200) return seen(answer)
    const page = answer.json() as Page
    entries.push(...[...page.files.map(({ name }) => name), ...page.prefixes].sort())
    cursor = page.cursor
  }
  return { status: 200, entries }
}

interface Page {
  readonly files: readonly DescribedFile[]
  readonly prefixes: readonly string[]
  readonly cursor: string | null
}

function conditional(condition: Condition) {
  if (condition === 'none') return {}
  if (condition === 'absent') return { 'If-None-Match': '*' }
  return { 'If-Match': condition === 'present' ? '*' : etagOfBytes(contents[condition.isContent]!) }
}

function seen(answer: Answer): SeenAnswer {
  const { status, headers, body } = answer
  const isJson = headers['content-type']?.startsWith('application/json') ?? false
  const isProblem = headers['content-type'] === 'application/problem+json'
  return {
    status,
    bytes: body,
    ...(isProblem && body.length > 0 && { code: (answer.json() as { readonly code: string }).code }),
    ...(isJson && body.length > 0 && { files: filesIn(answer.json()) }),
    ...(headers.etag !== undefined && { etag: headers.etag }),
    ...(headers['upload-offset'] !== undefined && { offset: Number(headers['upload-offset']) }),
    ...(headers['content-range'] !== undefined && { range: headers['content-range'] }),
  }
}

function filesIn(json: unknown): readonly DescribedFile[] {
  const files = (json as { readonly files?: readonly DescribedFile[] }).files ?? [json as DescribedFile]
  return files.map(({ name, size, mediaType, metadata }) => ({ name, size, mediaType, metadata }))
}
