import { createHash, randomInt } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, it } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { HoldingProxy } from '../cli/holding-proxy.ts'
import { AshlarProcess, runAshlar } from '../cli/run-ashlar.ts'
import { ServerProcess } from '../robustness/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { writeLargeFile } from './large-file.ts'
import { planned } from './planned.ts'
import { unfinishedUploads } from './seen-from-outside.ts'

const MiB = 1024 * 1024
const smallFiles = 1000
const largeFiles = 2
const largeBytes = 256 * MiB
const kills = 6
const filesAtOnce = 8
/** Of one killed client: for each connection, of which a large file has four, what the system holds of it on both sides of the proxy. */
const inFlight = largeFiles * 4 * 4 * MiB + (filesAtOnce - largeFiles) * MiB
/** Headers and questions of the requests for one file. */
const overheadPerFile = 4 * 1024

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
    const content = sampleChunk(1 + ((n * 7919) % 40_000), n).bytes
    bytes += content.length
    const path = join(subfolder, `${n}.txt`)
    await writeFile(path, content, { mode: n % 3 === 0 ? 0o600 : 0o644 })
    await utimes(path, 1e9 + n, 1e9 + n)
  }
  for (let n = 0; n < largeFiles; n += 1) await writeLargeFile(join(folder, `large-${n}`), largeBytes)
  return bytes
}

it(`a folder goes up and comes back, although put is killed again and again (SEED=${seed})`, async () => {
  const server = await ServerProcess.start(join(await temporaryDirectory(), 'store'))
  const proxy = await HoldingProxy.open(server.port)
  const cwd = await temporaryDirectory()
  const bytes = await writeTree(join(cwd, 'tree'))
  const options = { cwd, env: { ASHLAR_URL: proxy.url } }

  for (const at of planned(seed, 'kills', kills, 0, bytes)) {
    const held = proxy.holdAfter(Math.max(1, at - proxy.passed))
    const process = new AshlarProcess(['put', '-r', 'tree'], options)
    await held
    process.child.kill('SIGKILL')
    await process.ended
    proxy.letThrough()
  }
  expect(await runAshlar(['put', '-r', 'tree'], options)).toMatchObject({ code: 0, stdout: '' })

  const twice = proxy.passed - bytes
  console.log(
    `${proxy.passed} bytes sent for ${bytes}: ${(twice / MiB).toFixed(1)} MiB more, with ${kills} kills`,
  )
  const requests = (kills + 1) * (smallFiles + largeFiles)
  expect(proxy.passed).toBeGreaterThan(bytes)
  expect(twice).toBeLessThan(kills * inFlight + requests * overheadPerFile)
  // Small files are sent whole with a checksum, or not at all: of those that were cut off only a row is left, until it expires.
  const left = await unfinishedUploads(server)
  expect(left.length).toBeLessThanOrEqual(kills * filesAtOnce)
  expect(left.filter(({ offset }) => offset > 0)).toEqual([])

  const again = await runAshlar(['put', '-r', 'tree'], options)
  expect(again).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^1,002 files, 0 B sent, 1,002 unchanged, in .*\n$/),
  })
  expect(await runAshlar(['get', '-r', 'tree', 'out'], options)).toMatchObject({ code: 0 })
  expect(await readTree(join(cwd, 'out', 'tree'))).toEqual(await readTree(join(cwd, 'tree')))
})
