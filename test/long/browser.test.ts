import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { get, given, MiB, sample } from '../http/sample.ts'
import { eventually } from '../robustness/eventually.ts'
import { chromiumTimeoutMs, openChromium } from '../support/chromium.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, startTestServer, type TestServer } from '../support/test-server.ts'
import { bundleForBrowser } from '../client/bundle.ts'
import { FaultyProxy, type Fault } from '../client/faulty-proxy.ts'
import { all, clientOf, freshName } from '../client/fixtures.ts'
import { documentedExamples } from '../client/documented-examples.ts'

/** Three parts. */
const size = 20 * MiB + 5
/** Two ranges, or parts. */
const length = 9 * MiB

let script: string
let browser: Browser
let server: TestServer
beforeAll(async () => {
  script = await bundleForBrowser()
  browser = await openChromium()
  server = await openTestServer({ chunkSize: MiB })
}, chromiumTimeoutMs)
afterAll(async () => {
  await browser.close()
  await server.stop()
})

/** What a page does with the client. */
const pageScript = `
import { blobSource, connect } from '/client.js'

window.upload = async (endpoint, name) => {
  const client = connect(endpoint, { firstPauseMs: 1 })
  const transfer = client.put(name, blobSource(document.querySelector('input').files[0]))
  let last
  transfer.progress.subscribe((progress) => { last = progress })
  const { file } = await transfer.result
  return { file, last }
}

window.download = async (endpoint, name) => {
  const client = connect(endpoint, { firstPauseMs: 1 })
  const { file, bytes } = await client.read(name)
  const pieces = []
  for await (const piece of bytes) pieces.push(piece)
  const whole = await new Blob(pieces).arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', whole))
  return { size: file.size, sha256: digest.toHex() }
}
`

function asset(path: string, type: string, body: string): Fault {
  return {
    on: `GET ${path}`,
    call: 'every',
    kind: 'answer',
    status: 200,
    headers: { 'Content-Type': type },
    body,
  }
}

/** What a page of the same origin as the proxy's is made of. */
function pageFaults(): readonly Fault[] {
  return [
    asset('/page.js', 'text/javascript', pageScript),
    asset('/page', 'text/html', '<input type="file"><script type="module" src="/page.js"></script>'),
    asset('/client.js', 'text/javascript', script),
  ]
}

async function openPage(proxy: FaultyProxy): Promise<Page> {
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  const failures: Error[] = []
  page.on('pageerror', (error) => failures.push(error))
  onTestFinished(() => expect(failures).toEqual([]))
  await page.goto(`${proxy.url}/page`)
  return page
}

interface Uploaded {
  readonly file: { readonly size: number }
  readonly last: { readonly done: number; readonly reused: number; readonly total: number }
}

async function upload(page: Page, path: string, endpoint: string, name: string): Promise<Uploaded> {
  await page.setInputFiles('input', path)
  return page.evaluate(`upload(${JSON.stringify(endpoint)}, ${JSON.stringify(name)})`)
}

async function givenFile(bytes: Buffer): Promise<string> {
  const path = join(await temporaryDirectory(), 'source.bin')
  await writeFile(path, bytes)
  return path
}

describe('the client in a browser', () => {
  it('has nothing of Node in it', () => {
    expect(script).not.toMatch(/node:|require\(|blake-hash/)
  })

  it('resumes an upload after a broken line and a reloaded page', async () => {
    const hangs = Promise.withResolvers<void>()
    const proxy = await FaultyProxy.open(server, [
      ...pageFaults(),
      { on: 'PATCH', kind: 'cut-request', at: 3 * MiB },
      // What is sent again after the cut.
      { on: 'PATCH', call: 4, kind: 'hang', meanwhile: () => hangs.resolve() },
    ])
    const bytes = sample(size)
    const path = await givenFile(bytes)
    const name = freshName()
    const page = await openPage(proxy)
    const ended = upload(page, path, '/', name).catch((error: unknown) => error)
    await hangs.promise
    await eventually(async () => {
      const uploads = await all(clientOf(server).listUploads())
      expect(uploads.some(({ offset }) => offset >= MiB)).toBe(true)
    })
    await page.reload()
    expect(await ended).toMatchObject({ message: expect.stringContaining('navigation') as string })
    const { file, last } = await upload(page, path, '/', name)
    expect(file.size).toBe(size)
    expect((await get(server, name)).body.equals(bytes)).toBe(true)
    expect(last.reused).toBeGreaterThanOrEqual(MiB)
    expect(last).toEqual({ done: size, reused: last.reused, total: size })
    expect(await all(clientOf(server).listUploads())).toEqual([])
  })

  it('reads what it has verified, and nothing that was damaged on the way', async () => {
    const name = freshName()
    const bytes = sample(length)
    await given(server, name, bytes)
    const proxy = await FaultyProxy.open(server, [
      ...pageFaults(),
      { on: 'GET /files', call: 3, kind: 'flip-answer', at: 5 },
      { on: 'GET /files', call: 2, kind: 'cut-answer', at: 1000 },
    ])
    const page = await openPage(proxy)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const read = () => page.evaluate(`download('/', ${JSON.stringify(name)})`)
    await expect(read()).rejects.toThrow('damaged on their way')
    expect(await read()).toEqual({ size: length, sha256 })
  })

  it('works from a page of an origin that the server allows', async () => {
    const elsewhere = await FaultyProxy.open({ port: 0 }, pageFaults())
    const allowing = await startTestServer({ chunkSize: MiB, corsOrigins: [elsewhere.url] })
    const bytes = sample(length)
    const page = await openPage(elsewhere)
    const { last } = await upload(page, await givenFile(bytes), allowing.url, 'a ü.bin')
    expect(last).toEqual({ done: length, reused: 0, total: length })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(await page.evaluate(`download(${JSON.stringify(allowing.url)}, 'a ü.bin')`)).toEqual({
      size: length,
      sha256,
    })
  })

  it('the documented example for a page does what it says', async () => {
    const { browser: example } = await documentedExamples()
    const elements =
      '<input type="file"><progress></progress><script type="module" src="/example.js"></script>'
    const proxy = await FaultyProxy.open(server, [
      asset('/page', 'text/html', elements),
      asset('/example.js', 'text/javascript', example.replace("'ashlar/client'", "'/client.js'")),
      asset('/client.js', 'text/javascript', script),
    ])
    const bytes = sample(length)
    const page = await openPage(proxy)
    await page.setInputFiles('input', await givenFile(bytes))
    await page.waitForFunction('document.title === "stored"')
    expect(await page.evaluate('document.querySelector("progress").value')).toBe(1)
    expect((await get(server, 'photos/source.bin')).body.equals(bytes)).toBe(true)
  })
})
