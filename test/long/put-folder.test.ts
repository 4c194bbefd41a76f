import { createHash, randomInt } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, it } from 'vitest'
import { connect } from '../../src/client/node.ts'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { HoldingProxy } from '../cli/holding-proxy.ts'
import { AshlarProcess, runAshlar } from '../cli/run-ashlar.ts'
import { tus } from '../fronts/tus/tus-client.ts'
import { eventually } from '../robustness/eventually.ts'
import { ServerProcess } from '../robustness/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { writeLargeFile } from './large-file.ts'
import { planned } from './planned.ts'
import { unfinishedUploads } from './seen-from-outside.ts'
import { socketMemory } from './socket-memory.ts'

const MiB = 1024 * 1024
const smallFiles = 1000
const largeFiles = 2
const largeBytes = 256 * MiB
const kills = 6
const smallFilesAtOnce = 32
const mostSmallBytes = 40_000
/** A large file goes up in four parts at once. */
const connections = largeFiles * 4
/** Headers of all requests of one run. */
const overhead = (smallFiles + largeFiles) * 4 * 1024
/**
 * What a kill may cost: the small files in transit, and the buffers of the programs. One part sent
 * again, 64 MiB, is too much.
 */
const mostLost = smallFilesAtOnce * mostSmallBytes + connections * MiB + overhead
/** The same where the client comes back before the server has read what the kernel holds for it. */
const mostLostAtOnce = mostLost + connections * socketMemory

const seed = process.env['SEED'] ?? String(randomInt(2 ** 32))

interface Seen {
  readonly sha256: string
  readonly mtimeMs: number
  readonly mode: number
}

/** Every file below a folder. */
async function readTree(folder: string): Promise<ReadonlyMap<string, Seen>> {
  const seen = new Map<string, Seen>()
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const stats = await stat(join(folder, path))
    if (stats.isDirectory()) continue
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(folder, path)), hash)
    seen.set(path, {
      sha256: hash.digest('hex'),
      mtimeMs: Math.round(stats.mtimeMs),
      mode: stats.mode & 0o777,
    })
  }
  return seen
}

async function writeTree(folder: string): Promise<number> {
  let bytes = largeFiles * largeBytes
  for (let n = 0; n < smallFiles; n += 1) {
    const subfolder = join(folder, `folder-${n % 20}`, `of ${n % 7}`)
    await mkdir(subfolder, { recursive: true })
    const content = sampleChunk(1 + ((n * 7919) % mostSmallBytes), n).bytes
    bytes += content.length
    const path = join(subfolder, `${n}.txt`)
    await writeFile(path, content, { mode: n % 3 === 0 ? 0o600 : 0o644 })
    await utimes(path, 1e9 + n, 1e9 + n)
  }
  for (let n = 0; n < largeFiles; n += 1) await writeLargeFile(join(folder, `large-${n}`), largeBytes)
  return bytes
}

/**
 * Waits until the server has read everything that was passed on to it, and resolves with how many
 * bytes of the tree it has.
 */
async function durableBytes(server: ServerProcess, proxy: HoldingProxy): Promise<number> {
  await eventually(() => expect(proxy.open).toBe(0))
  const client = connect(server.url)
  const files = new Map<string, number>()
  for await (const entry of client.list()) if ('file' in entry) files.set(entry.file.name, entry.file.size)
  const parts = new Map<string, number>()
  for await (const { id, name, isPartial, metadata } of client.listUploads()) {
    // A file may still have its parts beside it.
    if (!isPartial || files.has(name)) continue
    // Answered when everything that has arrived is durable.
    const { headers } = await tus(server, 'HEAD', `/uploads/${id}`)
    const part = `${name} from ${metadata['from']}`
    // The same bytes again are no more bytes of the tree.
    parts.set(part, Math.max(parts.get(part) ?? 0, Number(headers['upload-offset'])))
  }
  return [...files.values(), ...parts.values()].reduce((sum, each) => sum + each, 0)
}

it(`a folder goes up and comes back, although put is killed again and again (SEED=${seed})`, async () => {
  const server = await ServerProcess.start(join(await temporaryDirectory(), 'store'))
  const proxy = await HoldingProxy.open(server.port)
  const cwd = await temporaryDirectory()
  const bytes = await writeTree(join(cwd, 'tree'))
  const options = { cwd, env: { ASHLAR_URL: proxy.url } }

  const lost: number[] = []
  const lostSoFar = () => lost.reduce((sum, each) => sum + each, 0)
  for (const [n, at] of planned(seed, 'kills', kills, 0, bytes).entries()) {
    const held = proxy.holdAfter(Math.max(1, at - proxy.passed))
    const process = new AshlarProcess(['put', '-r', 'tree'], options)
    await held
    process.child.kill('SIGKILL')
    await process.ended
    // After the last one the client comes back at once.
    if (n < kills - 1) lost.push(proxy.passed - (await durableBytes(server, proxy)) - lostSoFar())
    proxy.letThrough()
  }
  expect(await runAshlar(['put', '-r', 'tree'], options)).toMatchObject({ code: 0, stdout: '' })
  lost.push(proxy.passed - bytes - lostSoFar())

  const each = lost.map((of) => (of / MiB).toFixed(1)).join(', ')
  console.log(`${proxy.passed} bytes sent for ${bytes}: ${kills} kills cost ${each} MiB`)
  expect(proxy.passed).toBeGreaterThan(bytes)
  expect(Math.max(...lost.slice(0, -1))).toBeLessThan(mostLost)
  expect(lost.at(-1)).toBeLessThan(mostLostAtOnce)
  // Small files are sent whole with a checksum, or not at all: of those that were cut off only a
  // row is left, until it expires.
  const left = await unfinishedUploads(server)
  expect(left.length).toBeLessThanOrEqual(kills * smallFilesAtOnce)
  expect(left.filter(({ offset }) => offset > 0)).toEqual([])

  const again = await runAshlar(['put', '-r', 'tree'], options)
  expect(again).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^1,002 files, 0 B sent, 1,002 unchanged, in .*\n$/),
  })
  expect(await runAshlar(['get', '-r', 'tree', 'out'], options)).toMatchObject({ code: 0 })
  expect(await readTree(join(cwd, 'out', 'tree'))).toEqual(await readTree(join(cwd, 'tree')))
})
