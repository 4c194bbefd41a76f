import { spawn, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { content, type ExpectedFile, type ExpectedUpload, type GoldenStore } from './golden-store.ts'

/**
 * Makes a golden store: `npx node test/golden/make-store.ts <checkout of a release> <name>` starts
 * that release's server on a new directory, fills it, and packs what it leaves as `<name>.tar.gz`
 * beside a list of what must come out of it. Run once per format; the result is committed and never
 * made again.
 */
const [checkout, name] = process.argv.slice(2)
if (checkout === undefined || name === undefined) throw new TypeError('name a checkout and the fixture')

const directory = mkdtempSync(join(tmpdir(), 'golden-'))
const chunkSize = 128 * 1024
const server = spawn(process.execPath, [
  join(checkout, 'src/main.ts'),
  `--store=${join(directory, 'store')}`,
  '--port=0',
  '--chunk-size=128KiB',
  // Nothing may expire while the tests use the store, and nothing be collected before it is packed.
  '--upload-expiry=3650d',
  '--collect-grace=3650d',
  '--orphan-grace=3650d',
])
server.stderr.pipe(process.stderr)
const url = await new Promise<string>((resolve) =>
  createInterface({ input: server.stdout }).on('line', (line) => {
    const { url: address } = JSON.parse(line) as { url?: string }
    if (address !== undefined) resolve(address)
  }),
)

async function send(method: string, path: string, headers: Record<string, string>, body?: Buffer) {
  const answer = await fetch(new URL(path, url), {
    method,
    headers,
    ...(body && { body: new Uint8Array(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer
}

const files = new Map<string, Buffer>()
const pathOf = (fileName: string) => `/files/${fileName.split('/').map(encodeURIComponent).join('/')}`

async function put(fileName: string, bytes: Buffer, headers: Record<string, string> = {}): Promise<void> {
  await send('PUT', pathOf(fileName), { 'content-type': 'text/plain', ...headers }, bytes)
  files.set(fileName, bytes)
}

const tusHeaders = { 'tus-resumable': '1.0.0' }
const encoded = (text: string) => Buffer.from(text).toString('base64')

async function upload(metadata: string, size: number, bytes: Buffer, extra: Record<string, string> = {}) {
  const answer = await send('POST', '/uploads', {
    ...tusHeaders,
    ...(size >= 0 && { 'upload-length': String(size) }),
    ...(metadata !== '' && { 'upload-metadata': metadata }),
    ...extra,
  })
  const path = new URL(answer.headers.get('location')!, url).pathname
  if (bytes.length > 0) {
    const headers = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
    await send('PATCH', path, { ...tusHeaders, ...headers }, bytes)
  }
  return path
}

await put('empty', Buffer.alloc(0))
await Promise.all(
  Array.from({ length: 12 }, (_, at) => put(`small/${at}.txt`, content(`small ${at}`, 30 * (at + 1)))),
)
await put('three chunks', content('three', 2 * chunkSize + 12_345))
await put('exactly two chunks', content('two', 2 * chunkSize))
await put('same bytes again', content('three', 2 * chunkSize + 12_345))
await put('Grüße/こんにちは 🌍.txt', content('unicode', 200))
await put('e\u0301/combining', content('combining', 70))
await put('replaced', content('old', chunkSize + 1))
await put('replaced', content('new', chunkSize + 2))
await put('small/3.txt', content('small 3 again', 500))
await put('gone', content('gone', chunkSize + 3))
await send('DELETE', pathOf('gone'), {})
files.delete('gone')
await send('DELETE', pathOf('small/5.txt'), {})
files.delete('small/5.txt')
await put('before the rename', content('renamed', 300))
await send(
  'PATCH',
  `/api${pathOf('before the rename')}`,
  { 'content-type': 'application/merge-patch+json' },
  Buffer.from(JSON.stringify({ name: 'after/the rename', metadata: { colour: 'grün', empty: '' } })),
)
files.set('after/the rename', files.get('before the rename')!)
files.delete('before the rename')

const form = new FormData()
for (const at of [1, 2, 3]) {
  const bytes = content(`form ${at}`, 100 * at)
  form.append('file', new Blob([new Uint8Array(bytes)], { type: 'text/x-form' }), `form ${at}.txt`)
  files.set(`form ${at}.txt`, bytes)
}
const posted = await fetch(new URL('/files', url), { method: 'POST', body: form })
if (!posted.ok) throw new Error(await posted.text())

const finished = content('finished upload', chunkSize + 99)
const finishedPath = await upload(
  `filename ${encoded('uploads/finished')},tag ${encoded('kept')}`,
  finished.length,
  finished,
)
files.set('uploads/finished', finished)
const parts = [content('part 1', chunkSize + 7), content('part 2', 1000)]
const partPaths: string[] = []
for (const part of parts) {
  partPaths.push(await upload('', part.length, part, { 'upload-concat': 'partial' }))
}
await upload(`filename ${encoded('uploads/joined')}`, -1, Buffer.alloc(0), {
  'upload-concat': `final;${partPaths.join(' ')}`,
})
files.set('uploads/joined', Buffer.concat(parts))
const unfinished = content('unfinished upload', 2 * chunkSize)
const unfinishedPath = await upload(
  `filename ${encoded('uploads/unfinished')}`,
  unfinished.length,
  unfinished.subarray(0, chunkSize + 4567),
)

const expectedFiles: ExpectedFile[] = []
for (const [fileName, bytes] of [...files].sort(([one], [other]) =>
  Buffer.compare(Buffer.from(one), Buffer.from(other)),
)) {
  const info = (await (await send('GET', `/api${pathOf(fileName)}`, {})).json()) as ExpectedFile['info']
  expectedFiles.push({ sha256: createHash('sha256').update(bytes).digest('hex'), info })
}
const expectedUploads: ExpectedUpload[] = []
for (const path of [unfinishedPath, ...partPaths]) {
  const info = (await (await send('GET', `/api${path}`, {})).json()) as ExpectedUpload['info']
  expectedUploads.push({ path, info })
}
const golden: GoldenStore = {
  files: expectedFiles,
  gone: ['gone', 'small/5.txt', 'before the rename'],
  uploads: expectedUploads,
  remembered: { path: finishedPath, size: finished.length },
  unfinished: {
    path: unfinishedPath,
    name: 'uploads/unfinished',
    offset: chunkSize + 4567,
    seed: 'unfinished upload',
    size: unfinished.length,
    sha256: createHash('sha256').update(unfinished).digest('hex'),
  },
}
server.kill('SIGTERM')
await new Promise((exited) => server.once('exit', exited))
const here = import.meta.dirname
execFileSync('tar', ['-czf', join(here, `${name}.tar.gz`), '-C', directory, 'store'])
writeFileSync(join(here, `${name}.json`), `${JSON.stringify(golden, null, 2)}\n`)
