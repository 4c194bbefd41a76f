import { expectStatus, type Client } from './client.ts'
import { mediaTypeOf, type Value } from './content.ts'
import { broken } from './file-actions.ts'
import { offsetOf, version } from './offset-of.ts'
import { Upload } from './upload.ts'
import { Violation } from './violation.ts'

const unfinishedAtMost = 4

/** Begins an upload, or some that are to be joined, or goes on with one that is there. */
export async function uploadSome(client: Client): Promise<void> {
  const { dice } = client
  const unfinished = client.uploads.filter(isUnfinished)
  if (unfinished.length >= unfinishedAtMost || (unfinished.length > 0 && dice.percent(75))) {
    await goOn(client, dice.pick(unfinished))
    return
  }
  const name = dice.pick(client.ownNames)
  if (dice.percent(60)) {
    await create(client, name, client.newValue(1))
    return
  }
  const value = client.newValue(2)
  const cut = dice.int(1, value.size)
  await create(client, name, value, { start: 0, end: cut })
  await create(client, name, value, { start: cut, end: value.size })
}

/** Ends an upload, or a part that may have been joined: what was made of it stays. */
export async function terminate(client: Client): Promise<void> {
  const candidates = client.uploads.filter((one) => !one.termination && (one.isPartial || isUnfinished(one)))
  if (candidates.length === 0) return
  const chosen = client.dice.pick(candidates)
  const operation = client.history.begin(`DELETE ${chosen.path}`, new Map(), [chosen.name])
  chosen.termination = operation
  const answer = await client.ask('DELETE', chosen.path, { headers: version })
  expectStatus(answer, `DELETE ${chosen.path}`, chosen.name, 204)
  client.history.end(operation, 'done')
}

/** Joins partial uploads that are whole. */
export async function join(client: Client): Promise<void> {
  const whole = client.uploads.filter(
    (part) => part.isPartial && !part.termination && part.offset === part.size,
  )
  const last = whole.find((part) => part.start > 0 && part.start + part.size === part.value.size)
  const first = whole.find((part) => part.start === 0 && part.value === last?.value)
  if (!first || !last) return
  const { name, value } = first
  const { history } = client
  // Sent again under a tag of its own: the same parts can be joined more than once.
  const joined = history.newValue(value.content, value.size)
  const operation = history.begin('join of two uploads', new Map([[name, joined]]))
  const answer = await client.ask('POST', '/uploads', {
    headers: {
      ...version,
      'Upload-Concat': `final;${first.path} ${last.path}`,
      'Upload-Metadata': metadata(name, joined),
    },
  })
  expectStatus(answer, 'join of two uploads', name, 201)
  history.end(operation, 'done')
}

/** Of one that nobody ends. */
function isUnfinished(upload: Upload): boolean {
  return !upload.termination && upload.offset < upload.size
}

async function create(
  client: Client,
  name: string,
  value: Value,
  part?: { readonly start: number; readonly end: number },
): Promise<void> {
  const { start, end } = part ?? { start: 0, end: value.size }
  const size = end - start
  const isDeferred = client.dice.percent(25)
  const operation = client.history.begin(`POST of ${part ? 'a partial' : 'an'} upload`, new Map(), [name])
  const answer = await client.ask('POST', '/uploads', {
    headers: {
      ...version,
      ...(part && { 'Upload-Concat': 'partial' }),
      ...(isDeferred ? { 'Upload-Defer-Length': '1' } : { 'Upload-Length': size }),
      'Upload-Metadata': metadata(name, value),
    },
  })
  expectStatus(answer, 'POST /uploads', name, 201)
  const id = /^\/uploads\/(.+)$/.exec(answer.headers.location ?? '')?.[1]
  if (id === undefined) throw new Violation(`no upload at ${answer.headers.location}`, name)
  client.history.end(operation, 'done')
  const { at: createdAt } = client.history.now()
  client.uploads.push(new Upload(id, name, value, { start, size, isPartial: part !== undefined, createdAt }))
}

async function goOn(client: Client, upload: Upload): Promise<void> {
  const { dice } = client
  const { offset, size } = upload
  const end = dice.percent(40) ? size : dice.int(offset + 1, size + 1)
  if (dice.percent(25)) await appendBrokenOff(client, upload, end)
  else await append(client, upload, end)
}

/**
 * Sends the next bytes. A request that broke off before may have been overtaken by the question how
 * far it got, and have its effect only now: the offset is another one then.
 */
async function append(client: Client, upload: Upload, end: number): Promise<void> {
  const { value, start, offset, path, name } = upload
  const { history } = client
  upload.send(end, history.now().at)
  const isLast = !upload.isPartial && end === upload.size
  const operation = history.begin(`PATCH ${path} to ${end}`, new Map(isLast ? [[name, value]] : []), [name])
  const answer = await client.ask('PATCH', path, {
    headers: appendHeaders(upload, end),
    body: client.body(value, start + offset, start + end),
  })
  expectStatus(answer, `PATCH ${path} from ${offset} to ${end}`, name, 204, 409)
  if (answer.status === 409) {
    await askOffset(client, upload)
    history.end(operation, 'nothing')
    return
  }
  const reached = Number(answer.headers['upload-offset'])
  if (reached !== end) throw new Violation(`PATCH ${path} got to ${reached}, not ${end}`, name)
  upload.acknowledge(end, history.now().at)
  history.end(operation, 'done')
}

/** What arrived before the line broke counts: how much that was, only the server knows. */
async function appendBrokenOff(client: Client, upload: Upload, end: number): Promise<void> {
  const { value, start, offset, path, name } = upload
  const { history } = client
  const breakAt = client.dice.int(offset, end)
  upload.send(breakAt, history.now().at)
  const operation = history.begin(`PATCH ${path} that breaks off at ${breakAt}`, new Map(), [name])
  const body = client.body(value, start + offset, start + end, start + breakAt)
  await broken(client.ask('PATCH', path, { headers: appendHeaders(upload, end), body }))
  await askOffset(client, upload)
  history.end(operation, 'done')
}

async function askOffset(client: Client, upload: Upload): Promise<void> {
  const { id, name, offset } = upload
  const reached = await offsetOf(client.port, upload)
  const { most } = upload.possibleOffsets(Infinity)
  if (reached === undefined || reached < offset || reached > most)
    throw new Violation(`upload ${id} is at ${reached}, not between ${offset} and ${most}`, name)
  upload.acknowledge(reached, client.history.now().at)
}

/** The length of a deferred upload is said with its last bytes. */
function appendHeaders({ offset, size }: Upload, end: number) {
  return {
    ...version,
    'Content-Type': 'application/offset+octet-stream',
    'Upload-Offset': offset,
    ...(end === size && { 'Upload-Length': size }),
  }
}

function metadata(name: string, value: Value): string {
  return `filename ${base64(name)},filetype ${base64(mediaTypeOf(value))}`
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
