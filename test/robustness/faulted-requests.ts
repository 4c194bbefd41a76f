import { hash } from 'node:crypto'
import { expect } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { fieldPart, filePart, form, post } from '../http/form.ts'
import { get, given, put } from '../http/sample.ts'
import { givenUpload, idIn, metadata, offsetOf, patch } from '../fronts/tus/tus-client.ts'
import { request, type Answer } from '../support/http-request.ts'
import type { FaultyServer } from './faulty-server.ts'

/**
 * Digests of bytes by name; undefined where nothing is. An assertion compares megabytes far more
 * slowly.
 */
export type Contents = Readonly<Record<string, string | undefined>>

/**
 * A request that changes something, and what is there if it has had no effect, and if it has had
 * all of it.
 */
export interface ChangingRequest {
  readonly before: Contents
  readonly after: Contents
  /** Brings about what was before, and resolves with what sends the request. */
  prepare(server: FaultyServer): Promise<() => Promise<Answer>>
  /**
   * What a client does that has got no answer, or one that says to try again. Resolves with the
   * last answer.
   */
  again(server: FaultyServer): Promise<Answer>
}

// Three chunks each, the last one short.
const was = sampleChunk(150_000, 1).bytes
const is = sampleChunk(160_000, 2).bytes
/** More than goes to the catalog in one transaction. */
const long = sampleChunk(70 * 65_536 - 1, 3).bytes

const digestOf = (bytes: Buffer): string => hash('sha256', bytes)
const [oldDigest, newDigest] = [digestOf(was), digestOf(is)]

const changes = { headers: { 'Content-Type': 'application/json' }, body: '{"name":"renamed"}' }
const sendForm = (server: FaultyServer) =>
  post(server, form([filePart('one', is), fieldPart('x', 'y'), filePart('two', was)]))

function putting(bytes: Buffer): ChangingRequest {
  const send = (server: FaultyServer) => put(server, 'one', bytes)
  return {
    before: { one: oldDigest },
    after: { one: digestOf(bytes) },
    async prepare(server) {
      await given(server, 'one', was)
      return () => send(server)
    },
    again: send,
  }
}

/** The address of the only upload of a test. */
async function theUpload({ store }: FaultyServer): Promise<string> {
  const [upload] = await store.catalog.listExpiredUploads(Date.now() + 2 * store.options.uploadExpiryMs, 10)
  return `/uploads/${upload!.id}`
}

const appendAll = async (server: FaultyServer, path: string): Promise<Answer> => {
  const offset = await offsetOf(server, path)
  expect(offset).toBeDefined()
  // The end of the second chunk stands for what came before.
  return offset === is.length
    ? get(server, `@${idIn(path)}`)
    : patch(server, path, offset!, is.subarray(offset))
}

export const changingRequests = {
  PUT: putting(is),
  'long PUT': putting(long),
  form: {
    before: { one: oldDigest, two: undefined },
    after: { one: newDigest, two: oldDigest },
    async prepare(server) {
      await given(server, 'one', was)
      return () => sendForm(server)
    },
    again: sendForm,
  },
  'last PATCH of tus': {
    before: { one: oldDigest },
    after: { one: newDigest },
    async prepare(server) {
      await given(server, 'one', was)
      const headers = { 'Upload-Length': is.length, 'Upload-Metadata': metadata({ filename: 'one' }) }
      const path = await givenUpload(server, headers, is.subarray(0, 100))
      return () => patch(server, path, 100, is.subarray(100))
    },
    again: async (server) => appendAll(server, await theUpload(server)),
  },
  rename: {
    before: { one: oldDigest, renamed: undefined },
    after: { one: undefined, renamed: oldDigest },
    async prepare(server) {
      await given(server, 'one', was)
      return () => request(server, 'PATCH', '/api/files/one', changes)
    },
    again: (server) => request(server, 'PATCH', '/api/files/one', changes),
  },
  DELETE: {
    before: { one: oldDigest },
    after: { one: undefined },
    async prepare(server) {
      await given(server, 'one', was)
      return () => request(server, 'DELETE', '/files/one')
    },
    again: (server) => request(server, 'DELETE', '/files/one'),
  },
} as const satisfies Readonly<Record<string, ChangingRequest>>

/** What `GET` says of each name. Fails unless that is a whole file, or that there is none. */
export async function contentsNow(server: FaultyServer, names: readonly string[]): Promise<Contents> {
  const contents: Record<string, string | undefined> = {}
  for (const name of names) {
    const { status, body } = await get(server, name)
    expect([200, 404]).toContain(status)
    contents[name] = status === 200 ? digestOf(body) : undefined
  }
  return contents
}
