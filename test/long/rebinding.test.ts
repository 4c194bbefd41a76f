import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { get, given } from '../http/sample.ts'
import { chromiumTimeoutMs, openChromium } from '../support/chromium.ts'
import { openTestServer, type TestServer } from '../support/test-server.ts'

let browser: Browser
let server: TestServer
/** Shows that the requests of the page arrive, and what they would do. */
let gullible: TestServer

beforeAll(async () => {
  browser = await openChromium(['--host-resolver-rules=MAP evil.example 127.0.0.1'])
  server = await openTestServer()
  gullible = await openTestServer({ allowedHosts: ['evil.example'] })
  return async () => {
    await browser.close()
    await Promise.all([server, gullible].map((each) => each.stop()))
  }
}, chromiumTimeoutMs)

/**
 * A page whose own name and port are now those of the server. It comes from there, as the rules for
 * pages of public networks would stop it otherwise, and not every browser has those.
 */
async function openEvilPage({ port }: TestServer): Promise<Page> {
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  await page.goto(`http://evil.example:${port}/healthz`)
  return page
}

const attacks = [
  ['list files', `fetch('/api/files')`],
  ['read a file', `fetch('/files/secret')`],
  ['read a range', `fetch('/files/secret', { headers: { Range: 'bytes=0-1' } })`],
  ['replace a file', `fetch('/files/secret', { method: 'PUT', body: 'mine' })`],
  [
    'send a form',
    `(async () => { const f = new FormData(); f.append('f', new Blob(['x']), 'secret'); return fetch('/files', { method: 'POST', body: f }) })()`,
  ],
  [
    'begin an upload',
    `fetch('/uploads', { method: 'POST', headers: { 'Tus-Resumable': '1.0.0', 'Upload-Length': '1' } })`,
  ],
  [
    'rename a file',
    `fetch('/api/files/secret', { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: '{"name":"other"}' })`,
  ],
  [
    'claim another host',
    `fetch('/files/secret', { method: 'DELETE', headers: { 'X-Forwarded-Host': 'localhost', Forwarded: 'host=localhost' } })`,
  ],
  ['delete a file', `fetch('/files/secret', { method: 'DELETE' })`],
  ['read metrics', `fetch('/metrics')`],
] as const

describe('a page at http://evil.example that resolves to the server', () => {
  it.each(attacks)('cannot %s', async (_, attack) => {
    await given(server, 'secret', 'secret')
    await given(gullible, 'secret', 'secret')
    const statuses: number[] = []
    for (const target of [gullible, server]) {
      const page = await openEvilPage(target)
      statuses.push(await page.evaluate(`${attack}.then(({ status }) => status)`))
    }
    const [would, did] = statuses
    expect(would).toBeLessThan(300)
    expect(did).toBe(421)
    expect((await get(server, 'secret')).body.toString()).toBe('secret')
  })

  it('cannot show a file to its user, or navigate a frame to one', async () => {
    await given(server, 'secret', 'secret')
    const page = await openEvilPage(server)
    const answered = page.waitForResponse('**/files/secret?inline=1')
    await page.evaluate(`document.body.innerHTML = '<iframe src="/files/secret?inline=1"></iframe>'`)
    expect((await answered).status()).toBe(421)
  })
})

describe('a page of another site', () => {
  it('cannot embed a stored file, unless its origin is allowed', async () => {
    const sharing = await openTestServer({ corsOrigins: '*' })
    const page = await openEvilPage(gullible)
    const embed = async (target: TestServer) => {
      await given(target, 'script', 'window.stolen = true', { 'Content-Type': 'text/javascript' })
      return page.evaluate(`new Promise((resolve) => {
        const script = document.createElement('script')
        script.src = ${JSON.stringify(`${target.url}/files/script`)}
        script.onload = () => resolve('loaded')
        script.onerror = () => resolve('blocked')
        document.body.append(script)
      })`)
    }
    expect([await embed(server), await page.evaluate('window.stolen')]).toEqual(['blocked', undefined])
    expect([await embed(sharing), await page.evaluate('window.stolen')]).toEqual(['loaded', true])
    await sharing.stop()
  })
})
