import { request } from '../support/http-request.ts'
import { tagIn, type Value } from './content.ts'
import type { History, States } from './history.ts'
import { offsetOf } from './offset-of.ts'
import { readFile } from './read-file.ts'
import type { Upload } from './upload.ts'
import { Violation } from './violation.ts'

interface Listed {
  readonly files: readonly { readonly name: string; readonly size: number; readonly mediaType: string }[]
  readonly cursor: string | null
}

/** All that a server has, as its clients see it. */
export interface Found {
  readonly states: States
  /** Undefined where there is none any more. */
  readonly offsets: ReadonlyMap<Upload, number | undefined>
}

/**
 * Compares everything that a server has with what a crash at that time may leave: each file byte
 * for byte, each upload by how far it is. Throws a violation if something acknowledged is missing,
 * something deleted is back, or something is a mixture.
 */
export async function checkServer(
  port: number,
  history: History,
  uploads: readonly Upload[],
  at: number,
): Promise<Found> {
  const offsets = new Map<Upload, number | undefined>()
  // First, because an upload that has all its bytes becomes a file when somebody asks for it.
  for (const upload of uploads) {
    const offset = await offsetOf(port, upload)
    checkOffset(upload, offset, at)
    offsets.set(upload, offset)
  }
  const states = await listFiles(port, history)
  history.check(states, at)
  for (const [name, { tag }] of states) {
    const read = await readFile(port, history, name)
    if (read?.tag !== tag) throw new Violation(`${name} is listed as ${tag} and read as ${read?.tag}`, name)
  }
  return { states, offsets }
}

function checkOffset(upload: Upload, offset: number | undefined, at: number): void {
  const { id, name, termination, createdAt } = upload
  if (offset === undefined) {
    if (createdAt > at || (termination && termination.begun.at <= at)) return
    throw new Violation(`upload ${id} is lost`, name)
  }
  if (termination?.outcome === 'done' && termination.ended!.at <= at)
    throw new Violation(`upload ${id}, which was ended, is back`, name)
  const { least, most } = upload.possibleOffsets(at)
  if (offset >= least && offset <= most) return
  throw new Violation(`upload ${id} is at ${offset}, not between ${least} and ${most}`, name)
}

async function listFiles(port: number, history: History): Promise<ReadonlyMap<string, Value>> {
  const states = new Map<string, Value>()
  const answer = await request({ port }, 'GET', '/api/files?limit=1000')
  const { files, cursor } = answer.json() as Listed
  if (cursor !== null) throw new Error('there are more files than fit on a page')
  for (const { name, size, mediaType } of files) {
    const value = history.value(tagIn(mediaType))
    if (value?.size !== size) throw new Violation(`${name} is ${mediaType} of ${size} bytes`, name)
    states.set(name, value)
  }
  return states
}
