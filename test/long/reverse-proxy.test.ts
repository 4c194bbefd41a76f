import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tls from 'node:tls'
import type { Browser } from 'playwright-core'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runAshlar, type Ended } from '../cli/run-ashlar.ts'
import { bundleForBrowser } from '../client/bundle.ts'
import { all, bytesIn, clientOf, sourceOf } from '../client/fixtures.ts'
import { MiB, sample } from '../http/sample.ts'
import { chromiumTimeoutMs, openChromium } from '../support/chromium.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openTestServer, type TestServer, type TestServerOptions } from '../support/test-server.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { resolveToLoopback, resolvingEnv } from '../support/resolve-to-loopback.ts'

const name = 'files.example'
/** Several requests or parts of every client. */
const bytes = sample(20 * MiB + 5)

let nginx: Nginx
let origin: string
let browser: Browser
let script: string
const servers = new Map<string, TestServer>()
const undo: (() => void)[] = []

/** The block of the documentation, with another prefix and port. */
async function documentedBlock(prefix: string, port: number): Promise<string> {
  const text = await readFile(new URL('../../docs/reverse-proxy.md', import.meta.url), 'utf8')
  const [, block = ''] = /```nginx\n(.*?)```/s.exec(text) ?? []
  return block.replaceAll('/share', prefix).replace('127.0.0.1:8080', `127.0.0.1:${port}`)
}

async function open(prefix: string, options: TestServerOptions): Promise<number> {
  const server = await openTestServer({ chunkSize: MiB, ...options })
  servers.set(prefix, server)
  return server.port
}

beforeAll(async () => {
  const port = await freePort()
  origin = `https://${name}:${port}`
  const blocks = [
    await documentedBlock('/share', await open('/share', { publicUrl: `${origin}/share/` })),
    await documentedBlock(
      '/a/b',
      await open('/a/b', { trustedProxies: ['127.0.0.1'], allowedHosts: [name] }),
    ),
    // As one writes it who has read nothing.
    `location /bare/ { proxy_pass http://127.0.0.1:${await open('/bare', { publicUrl: `${origin}/bare/` })}/; }`,
    `location /unset/ { proxy_pass http://127.0.0.1:${await open('/unset', {})}/; proxy_set_header Host $host; }`,
  ]
  nginx = await startNginx(name, port, blocks.join('\n'))
  const trusted = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...trusted, await readFile(nginx.certificate, 'utf8')])
  undo.push(() => tls.setDefaultCACertificates(trusted), resolveToLoopback(name))
  script = await bundleForBrowser()
  browser = await openChromium([`--host-resolver-rules=MAP ${name} 127.0.0.1`])
}, chromiumTimeoutMs)

afterAll(async () => {
  for (const each of undo) each()
  await browser.close()
  await nginx.stop()
  await Promise.all([...servers.values()].map((server) => server.stop()))
})

async function expectBytes(url: string): Promise<void> {
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
}

describe.each(['/share', '/a/b'])('through nginx, which ends TLS and takes off %s,', (prefix) => {
  const base = () => `${origin}${prefix}`

  it('PUT and its Location work, also from a page of that origin', async () => {
    const headers = { Origin: origin, 'Content-Type': 'text/x-test' }
    const url = `${base()}/files/${encodeURIComponent('a ü%?#+&.bin')}`
    const answer = await fetch(url, { method: 'PUT', body: bytes, headers })
    expect(answer.status).toBe(201)
    expect(await answer.json()).toMatchObject({ name: 'a ü%?#+&.bin', mediaType: 'text/x-test' })
    const location = answer.headers.get('Location') ?? ''
    expect(location).toMatch(new RegExp(`^${base()}/files/@[0-9a-f-]{36}$`))
    await expectBytes(location)
    await expectBytes(url)
    const part = await fetch(location, { headers: { Range: 'bytes=5-9' } })
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(5, 10))).toBe(true)
  })

  it('a form works', async () => {
    const body = new FormData()
    body.append('file', new Blob([Uint8Array.from(bytes)]), 'form.bin')
    const answer = await fetch(`${base()}/files`, { method: 'POST', body, headers: { Origin: origin } })
    expect(answer.status).toBe(201)
    await expectBytes(`${base()}/files/form.bin`)
  })

  it.each([
    ['in requests of 5 MiB', { chunkSize: 5 * MiB }],
    ['in parallel', { parallelUploads: 3 }],
  ])('tus-js-client works %s', async (how, options) => {
    const filename = `tus ${how}`
    const url = await new Promise<string | null>((resolve, reject) => {
      const upload = new Upload(bytes, {
        endpoint: `${base()}/uploads`,
        retryDelays: [],
        metadata: { filename },
        headers: { Origin: origin },
        ...options,
        onError: reject,
        onSuccess: () => resolve(upload.url),
      })
      upload.start()
    })
    expect(url).toMatch(`${base()}/uploads/`)
    await expectBytes(`${base()}/files/${encodeURIComponent(filename)}`)
  })

  it('the IETF draft works', async () => {
    const version = { 'Upload-Draft-Interop-Version': '8' }
    const put = await fetch(`${base()}/files/draft`, {
      method: 'PUT',
      body: bytes,
      headers: { ...version, 'Upload-Complete': '?1' },
    })
    expect([put.status, put.headers.get('Upload-Complete')]).toEqual([201, '?1'])
    await expectBytes(put.headers.get('Location') ?? '')
    const created = await fetch(`${base()}/uploads`, {
      method: 'POST',
      headers: { ...version, 'Upload-Complete': '?0', 'Content-Disposition': 'attachment; filename="parts"' },
    })
    const location = created.headers.get('Location') ?? ''
    expect(location).toMatch(`${base()}/uploads/`)
    const append = (from: number, to: number) =>
      fetch(location, {
        method: 'PATCH',
        body: bytes.subarray(from, to),
        headers: {
          ...version,
          'Content-Type': 'application/partial-upload',
          'Upload-Offset': String(from),
          'Upload-Complete': to === bytes.length ? '?1' : '?0',
        },
      })
    expect((await append(0, 7 * MiB)).status).toBe(204)
    const state = await fetch(location, { method: 'HEAD', headers: version })
    expect([state.status, state.headers.get('Upload-Offset')]).toEqual([204, String(7 * MiB)])
    const last = await append(7 * MiB, bytes.length)
    expect(last.status).toBe(201)
    await expectBytes(last.headers.get('Location') ?? '')
    await expectBytes(`${base()}/files/parts`)
  })

  it('the command line works', async () => {
    const cwd = await temporaryDirectory()
    await writeFile(join(cwd, 'by cli.bin'), bytes)
    const cli = (...argv: readonly string[]) => runHere(cwd, [...argv, '--server', base()])
    expect(await cli('put', 'by cli.bin')).toMatchObject({ code: 0 })
    expect(await cli('get', 'by cli.bin', 'back.bin')).toMatchObject({ code: 0 })
    expect((await readFile(join(cwd, 'back.bin'))).equals(bytes)).toBe(true)
    expect(await cli('rm', 'by cli.bin')).toMatchObject({ code: 0 })
    expect(await cli('ls', 'by cli.bin')).toMatchObject({ code: 1 })
  })

  it('the client library works', async () => {
    const client = clientOf({ url: base() })
    const { file } = await client.put('by library', sourceOf(bytes)).result
    expect(file.size).toBe(bytes.length)
    const { bytes: pieces } = await client.read('by library')
    expect((await bytesIn(pieces)).equals(bytes)).toBe(true)
    const streamed = await client.putStream('by stream', oneByOne()).result
    expect(streamed.size).toBe(bytes.length)
    const unfinished = await all(client.listUploads())
    expect(unfinished.filter((upload) => upload.name.startsWith('by '))).toEqual([])
    await client.delete('by library')
  })

  it('the client in a browser works', async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    const page = await context.newPage()
    const pages = [
      ['/page', 'text/html', '<input type="file"><script type="module" src="/page.js"></script>'],
      ['/page.js', 'text/javascript', pageScript],
      ['/client.js', 'text/javascript', script],
    ] as const
    for (const [path, contentType, body] of pages)
      await page.route(`${origin}${path}`, (route) => route.fulfill({ contentType, body }))
    const source = join(await temporaryDirectory(), 'source.bin')
    await writeFile(source, bytes)
    await page.goto(`${origin}/page`)
    await page.setInputFiles('input', source)
    await page.waitForFunction('window.roundTrip')
    expect(await page.evaluate(`roundTrip(${JSON.stringify(`${prefix}/`)})`)).toBe(bytes.length)
    await expectBytes(`${base()}/files/by%20page`)
    await context.close()
  })
})

describe('nginx with its default Host', () => {
  it('is enough, with --public-url, for what is not resumed', async () => {
    const headers = { Origin: origin }
    const answer = await fetch(`${origin}/bare/files/small`, { method: 'PUT', body: 'hello', headers })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('Location')).toMatch(`${origin}/bare/files/@`)
  })
})

describe('nginx in front of a server that was told nothing', () => {
  it('passes on a 421', async () => {
    const answer = await fetch(`${origin}/unset/api/files`)
    expect(answer.status).toBe(421)
    expect(await answer.json()).toMatchObject({ code: 'host_not_allowed' })
  })
})

/** What a page does with the client: stores the file that was chosen, and reads it again. */
const pageScript = `
import { blobSource, connect } from '/client.js'

window.roundTrip = async (endpoint) => {
  const client = connect(endpoint)
  await client.put('by page', blobSource(document.querySelector('input').files[0])).result
  const { bytes } = await client.read('by page')
  let size = 0
  for await (const piece of bytes) size += piece.length
  return size
}
`

async function* oneByOne(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += MiB) yield bytes.subarray(at, at + MiB)
}

function runHere(cwd: string, argv: readonly string[]): Promise<Ended> {
  const env = { ...resolvingEnv(name), NODE_EXTRA_CA_CERTS: nginx.certificate }
  return runAshlar(argv, { cwd, env })
}
