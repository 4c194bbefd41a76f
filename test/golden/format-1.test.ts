import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, it } from 'vitest'
import { ashlarHere } from '../cli/ashlar-here.ts'
import { request } from '../support/http-request.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { content, type GoldenStore } from './golden-store.ts'
import { serveStore, type ServedStore } from '../support/serve-store.ts'

const expected = JSON.parse(await readFile(new URL('format-1.json', import.meta.url), 'utf8')) as GoldenStore

let directory: string
let store: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = join(directory, 'store')
  const archive = join(import.meta.dirname, 'format-1.tar.gz')
  await promisify(execFile)('tar', ['-xzf', archive, '-C', directory])
})

const pathOf = (name: string) => name.split('/').map(encodeURIComponent).join('/')

/** Runs a command on a store and expects it to find nothing wrong. */
async function succeed(...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await ashlarHere([...argv, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>
}

async function expectFiles(server: ServedStore): Promise<void> {
  for (const { info, sha256 } of expected.files) {
    const path = pathOf(info.name)
    const { status, body } = await request(server, 'GET', `/files/${path}`)
    expect({ name: info.name, status, sha256: createHash('sha256').update(body).digest('hex') }).toEqual({
      name: info.name,
      status: 200,
      sha256,
    })
    expect((await request(server, 'GET', `/api/files/${path}`)).json()).toEqual(info)
    expect((await request(server, 'GET', `/files/@${info.id}`)).body).toEqual(body)
  }
  for (const name of expected.gone) {
    expect((await request(server, 'GET', `/files/${pathOf(name)}`)).status).toBe(404)
  }
  const listing = (await request(server, 'GET', '/api/files?limit=1000')).json() as { files: unknown[] }
  expect(listing.files).toHaveLength(expected.files.length)
}

const tus = { 'Tus-Resumable': '1.0.0' }

async function expectUploads(server: ServedStore): Promise<void> {
  for (const { path, info } of expected.uploads) {
    expect((await request(server, 'GET', `/api${path}`)).json()).toEqual(info)
  }
  const { remembered, unfinished } = expected
  const { status, headers } = await request(server, 'HEAD', remembered.path, { headers: tus })
  expect({ status, offset: Number(headers['upload-offset']) }).toEqual({
    status: 200,
    offset: remembered.size,
  })

  const whole = content(unfinished.seed, unfinished.size)
  const sent = await request(server, 'PATCH', unfinished.path, {
    headers: {
      ...tus,
      'Content-Type': 'application/offset+octet-stream',
      'Upload-Offset': unfinished.offset,
    },
    body: whole.subarray(unfinished.offset),
  })
  expect(sent.status).toBe(204)
  const { body } = await request(server, 'GET', `/files/${pathOf(unfinished.name)}`)
  expect(createHash('sha256').update(body).digest('hex')).toBe(unfinished.sha256)
}

it('a server serves every file of a store in format 1 and continues its uploads', async () => {
  const server = await serveStore(store)
  await expectFiles(server)
  await expectUploads(server)
  await server.close()
  const summary = await succeed('fsck', '--store', store)
  expect(summary).toMatchObject({ files: expected.files.length + 1, inconsistent: 0 })
})

it('rebuild restores every file of a store in format 1', async () => {
  await rm(join(store, 'catalog.sqlite'))
  expect(await succeed('rebuild', '--store', store)).toMatchObject({ files: expected.files.length })
  await succeed('fsck', '--store', store)
  const server = await serveStore(store)
  await expectFiles(server)
  await server.close()
})

it('migrate copies every file of a store in format 1', async () => {
  await succeed('gc', '--store', store)
  const target = join(directory, 'target')
  const summary = await succeed('migrate', '--from', store, '--to', target)
  expect(summary).toMatchObject({ files: expected.files.length, failed: 0 })
  const server = await serveStore(target)
  await expectFiles(server)
  await server.close()
})
