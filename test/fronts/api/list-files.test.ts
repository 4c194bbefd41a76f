import { once } from 'node:events'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { withMethods } from '../../../src/catalog/with-methods.ts'
import { head, RawClient } from '../../robustness/raw-client.ts'
import { request } from '../../support/http-request.ts'
import { openTestServer, startTestServer, type TestServer } from '../../support/test-server.ts'
import { refused } from '../../http/refused.ts'
import { given, infoIn, type FileInfo } from '../../http/sample.ts'

interface Page {
  readonly files: readonly FileInfo[]
  readonly prefixes: readonly string[]
  readonly cursor: string | null
}

let server: TestServer

const names = [
  'B',
  'a',
  'docs/Readme.md',
  'docs/old/1.txt',
  'docs/old/2.txt',
  'docs/x',
  'photos/2024/a.jpg',
  'photos/b.jpg',
  'z%_[x]',
  'ä/ö',
  '🪨',
]

beforeAll(async () => {
  server = await openTestServer()
  for (const name of names.toReversed()) await given(server, encodeURIComponent(name), name)
  return server.stop
})

const list = (query: string, of = server) => request(of, 'GET', `/api/files${query}`)
const pageOf = async (query: string, of = server) => (await list(query, of)).json() as Page
const namesIn = ({ files }: Page) => files.map(({ name }) => name)

it('shows files as they show themselves', async () => {
  const { files } = await pageOf('?prefix=docs%2Fx')
  expect(files).toEqual([infoIn(await request(server, 'GET', '/api/files/docs/x'))])
})

describe('has, in the order of their bytes,', () => {
  it.each([
    ['everything', '', names, []],
    ['everything, with what is empty', '?prefix=&delimiter=&q=&cursor=', names, []],
    [
      'what begins alike',
      '?prefix=docs/',
      ['docs/Readme.md', 'docs/old/1.txt', 'docs/old/2.txt', 'docs/x'],
      [],
    ],
    ['one name and what continues it', '?prefix=a', ['a'], []],
    ['nothing', '?prefix=nothing', [], []],
    ['what is in no folder', '?delimiter=/', ['B', 'a', 'z%_[x]', '🪨'], ['docs/', 'photos/', 'ä/']],
    ['a folder', '?prefix=docs/&delimiter=/', ['docs/Readme.md', 'docs/x'], ['docs/old/']],
    ['a beginning of folders', '?prefix=p&delimiter=/', [], ['photos/']],
    [
      'folds at what is longer',
      '?delimiter=old/',
      ['B', 'a', 'docs/Readme.md', 'docs/x', 'photos/2024/a.jpg', 'photos/b.jpg', 'z%_[x]', 'ä/ö', '🪨'],
      ['docs/old/'],
    ],
    ['what contains something', '?q=.jpg', ['photos/2024/a.jpg', 'photos/b.jpg'], []],
    ['what contains something in other letters', '?q=README', ['docs/Readme.md'], []],
    ['what contains what is special elsewhere', '?q=%25_%5B', ['z%_[x]'], []],
    ['what contains what is Unicode', '?q=%C3%B6', ['ä/ö'], []],
    ['what contains something in a folder', '?prefix=docs/&q=1', ['docs/old/1.txt'], []],
  ])('%s', async (_, query, files, prefixes) => {
    const page = await pageOf(query)
    expect(namesIn(page)).toEqual(files)
    expect(page.prefixes).toEqual(prefixes)
    expect(page.cursor).toBeNull()
  })
})

describe('page by page is the same', () => {
  it.each([
    ['', 1],
    ['', 3],
    ['', names.length],
    ['delimiter=/', 1],
    ['delimiter=/', 2],
    ['prefix=docs/&delimiter=/', 1],
    ['q=o', 1],
  ])('for %j, %i at a time', async (query, limit) => {
    const whole = await pageOf(`?${query}`)
    const pages: Page[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Page = await pageOf(`?${query}&limit=${limit}&cursor=${cursor}`)
      expect(page.files.length + page.prefixes.length).toBeLessThanOrEqual(limit)
      pages.push(page)
      cursor = page.cursor
    }
    expect(pages.flatMap(namesIn)).toEqual(namesIn(whole))
    expect(pages.flatMap(({ prefixes }) => prefixes)).toEqual(whole.prefixes)
  })
})

it('what stays all the time comes exactly once, whatever comes and goes in between', async () => {
  const changing = await startTestServer()
  const staying = ['b', 'd', 'f', 'h', 'j', 'l']
  for (const name of [...staying, 'c', 'k']) await given(changing, name)
  const seen: string[] = []
  let cursor: string | null = ''
  for (let page = 0; cursor !== null; page++) {
    const answer: Page = await pageOf(`?limit=2&cursor=${cursor}`, changing)
    seen.push(...namesIn(answer))
    cursor = answer.cursor
    await given(changing, `a${page}`)
    await given(changing, `m${page}`)
    // The last of the page is where the next one begins.
    await request(changing, 'DELETE', `/files/${page === 0 ? 'c' : 'k'}`)
    if (page === 4) break
  }
  for (const name of staying) expect(seen.filter((each) => each === name)).toEqual([name])
  expect(seen).toEqual(seen.toSorted())
})

describe('is refused', () => {
  it.each([
    '?limit=0',
    '?limit=1001',
    '?limit=-1',
    '?limit=1.5',
    '?limit=ten',
    '?cursor=%21',
    '?cursor=AA',
    '?prefix=%00',
    '?delimiter=%0A',
    `?prefix=${'x'.repeat(1025)}`,
    '?unknown=1',
    '?prefix=a&prefix=b',
    '?prefix=%FF',
    '?prefix=%zz',
  ])('%s', async (query) => {
    expect(await refused(server, () => list(query))).toMatchObject({ refusal: [400, 'invalid_request'] })
  })
})

it('takes as many as there may be', async () => {
  expect((await list('?limit=1000')).status).toBe(200)
})

it('listings that one connection sends at once add no listener each to its socket', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const client = await RawClient.open(server.port)
  const times = 20
  await client.send(head('GET /api/files?limit=1').repeat(times))
  for (let answered = 0; answered < times; answered++)
    expect(await client.answer()).toMatchObject({ status: 200 })
  client.socket.destroy()
  expect(warnings).toEqual([])
})

it('a search is aborted when its client has left', async () => {
  const { catalog } = server.store
  onTestFinished(() => void Object.assign(server.store, { catalog }))
  const begun = Promise.withResolvers<AbortSignal>()
  const listFiles = async (_query: unknown, { signal }: { readonly signal?: AbortSignal } = {}) => {
    begun.resolve(signal!)
    await once(signal!, 'abort')
    throw signal!.reason
  }
  Object.assign(server.store, { catalog: withMethods(catalog, { listFiles }) })
  const leaving = new AbortController()
  const answer = fetch(`${server.url}/api/files?q=x`, { signal: leaving.signal })
  const signal = await begun.promise
  const aborted = once(signal, 'abort')
  leaving.abort()
  await expect(answer).rejects.toHaveProperty('name', 'AbortError')
  await aborted
  expect(signal.reason).toMatchObject({ code: 'aborted' })
})
