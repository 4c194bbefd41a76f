import { filePart, form, boundary } from '../http/form.ts'
import { BrokenLine, expectStatus, sharedNames, type Client } from './client.ts'
import { contentBytes, mediaTypeOf, type Value } from './content.ts'
import type { State } from './history.ts'
import { readFile } from './read-file.ts'
import { Violation } from './violation.ts'

/** Puts a file behind a name of her own, or of all. */
export async function put(client: Client): Promise<void> {
  const { dice, history } = client
  const isShared = dice.percent(30)
  const name = dice.pick(isShared ? sharedNames : client.ownNames)
  const before = history.latest(name)
  const value = client.newValue()
  const operation = history.begin('PUT', new Map([[name, value]]))
  const answer = await client.ask('PUT', `/files/${name}`, {
    headers: {
      'Content-Type': mediaTypeOf(value),
      ...(dice.percent(70) && { 'Content-Length': value.size }),
    },
    body: client.body(value),
  })
  expectStatus(answer, 'PUT', name, ...(isShared ? [200, 201] : [before ? 200 : 201]))
  history.end(operation, 'done')
}

/** Puts a file whose end never comes: nothing may be seen of it. */
export async function putBrokenOff(client: Client): Promise<void> {
  const { dice, history } = client
  const name = dice.pick([...client.ownNames, ...sharedNames])
  const value = client.newValue(1)
  const operation = history.begin('PUT that breaks off', new Map([[name, value]]))
  const body = client.body(value, 0, value.size, dice.int(0, value.size))
  const headers = { 'Content-Type': mediaTypeOf(value) }
  await broken(client.ask('PUT', `/files/${name}`, { headers, body }))
  history.end(operation, 'nothing')
}

/** Puts a file if there is one, or if there is none. */
export async function putOnCondition(client: Client): Promise<void> {
  const { dice, history } = client
  const name = dice.pick(client.ownNames)
  const before = history.latest(name)
  const value = client.newValue()
  const condition = dice.pick(['If-Match', 'If-None-Match'])
  const isMet = (condition === 'If-Match') === (before !== undefined)
  const operation = history.begin(`PUT with ${condition}: *`, new Map([[name, value]]))
  const answer = await client.ask('PUT', `/files/${name}`, {
    headers: { 'Content-Type': mediaTypeOf(value), [condition]: '*' },
    body: client.body(value),
  })
  expectStatus(answer, `PUT with ${condition}: *`, name, isMet ? (before ? 200 : 201) : 412)
  history.end(operation, isMet ? 'done' : 'nothing')
}

export async function deleteFile(client: Client): Promise<void> {
  const { dice, history } = client
  const isShared = dice.percent(30)
  const name = dice.pick(isShared ? sharedNames : client.ownNames)
  const before = history.latest(name)
  const operation = history.begin('DELETE', new Map([[name, undefined]]))
  const answer = await client.ask('DELETE', `/files/${name}`)
  expectStatus(answer, 'DELETE', name, ...(isShared ? [204, 404] : [before ? 204 : 404]))
  history.end(operation, answer.status === 204 ? 'done' : 'nothing')
}

export async function rename(client: Client): Promise<void> {
  const { dice, history } = client
  const [from, to] = [dice.pick(client.ownNames), dice.pick(client.ownNames)]
  const [value, taken] = [history.latest(from), history.latest(to)]
  if (!value || from === to) return
  const changes = new Map<string, State>([
    [from, undefined],
    [to, value],
  ])
  const operation = history.begin(`rename of ${from} to ${to}`, changes)
  const answer = await client.ask('PATCH', `/api/files/${from}`, {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: to }),
  })
  expectStatus(answer, `rename to ${to}`, from, taken ? 409 : 200)
  history.end(operation, taken ? 'nothing' : 'done')
}

/** Sends a form with two or three files, all or none of which are stored. */
export async function postForm(client: Client): Promise<void> {
  const { dice, history } = client
  const first = dice.int(0, client.ownNames.length)
  const count = dice.int(2, 4)
  const names = Array.from(
    { length: count },
    (_, by) => client.ownNames[(first + by) % client.ownNames.length]!,
  )
  const values = new Map<string, Value>(names.map((name) => [name, client.newValue()]))
  const operation = history.begin('form', values)
  const parts = Array.from(values, ([name, value]) =>
    filePart(name, contentBytes(value.content, 0, value.size), mediaTypeOf(value)),
  )
  const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
  const answer = await client.ask('POST', '/files', { headers, body: form(parts) })
  expectStatus(answer, 'form', names[0]!, 201)
  history.end(operation, 'done')
}

/** Reads a file of her own, and knows which one it must be. */
export async function readOwn(client: Client): Promise<void> {
  const name = client.dice.pick(client.ownNames)
  const expected = client.history.latest(name)
  const found = await readFile(client.port, client.history, name)
  if (found?.tag === expected?.tag) return
  throw new Violation(`GET ${name} gave file ${found?.tag}, not ${expected?.tag}`, name)
}

/** Reads slowly what others replace and delete meanwhile: whole and unmixed all the same. */
export async function readShared(client: Client): Promise<void> {
  const name = client.dice.pick(sharedNames)
  await readFile(client.port, client.history, name, { pauseMs: client.dice.int(0, 6) })
}

/**
 * Resolves when a request whose body breaks off has failed. An answer that came before is as good,
 * unless it is a success.
 */
export async function broken(request: Promise<{ readonly status: number }>): Promise<void> {
  try {
    const { status } = await request
    if (status < 300) throw new Violation(`a body that broke off was answered ${status}`)
  } catch (error) {
    if (!(error instanceof BrokenLine)) throw error
  }
}
