import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBenchServer } from './bench-server.ts'
import { BenchUploads, chunkBytes } from './bench-uploads.ts'

const mib = 1024 * 1024
const sizes = { small: 5 * mib, large: 5 * 1024 * mib }
const parts = 4
const lastBytes = 1000

type SizeName = keyof typeof sizes
/** The request that makes an upload a file. */
type Finish = () => Promise<void>
/** Sends an upload, but for what finishes it. */
type Prepare = (size: SizeName) => Promise<Finish>

interface Way {
  readonly name: string
  readonly prepare: Prepare
  readonly rounds: number
}

interface Times {
  readonly small: readonly number[]
  readonly large: readonly number[]
}

const directory = await mkdtemp(join(tmpdir(), 'ashlar-bench-'))
try {
  const server = await startBenchServer(directory)
  try {
    const uploads = new BenchUploads(server.port)
    // Not measured: the disk writes all chunks now. Later ones are content that the server has.
    await waysToFinish(uploads)[0]!.prepare('large')
    const table: Record<string, object> = {}
    for (const way of waysToFinish(uploads)) table[way.name] = rowOf(await timesOf(way))
    console.log(
      '\nThe request that finishes an upload of 5 GiB, against that of one of 5 MiB: median (range) in ms; wanted: a ratio of 1.5 at most.\n' +
        'No two chunks of a file are alike, but all uploads have the same: that makes sending them faster, not finishing.',
    )
    console.table(table)
  } finally {
    await server.stop()
  }
} finally {
  await rm(directory, { recursive: true })
}

function waysToFinish(uploads: BenchUploads): readonly Way[] {
  const joinable = new Map<SizeName, string>()
  return [
    {
      name: 'PATCH with the last bytes',
      prepare: async (size) => {
        const from = sizes[size] - lastBytes
        const path = await uploads.create({ 'Upload-Length': sizes[size] })
        await uploads.fill(path, 0, from, 0)
        const last = randomBytes(lastBytes)
        return () => uploads.append(path, from, {}, last, lastBytes)
      },
      rounds: 5,
    },
    {
      name: 'empty PATCH that says the length',
      prepare: async (size) => {
        const path = await uploads.create({ 'Upload-Defer-Length': 1 })
        await uploads.fill(path, 0, sizes[size], 0)
        return () => uploads.append(path, sizes[size], { 'Upload-Length': sizes[size] }, '', 0)
      },
      rounds: 5,
    },
    {
      name: `POST that joins ${parts} parts`,
      prepare: async (size) => {
        const concat = joinable.get(size) ?? (await sendParts(uploads, size))
        joinable.set(size, concat)
        return async () => void (await uploads.create({ 'Upload-Concat': concat }))
      },
      // Joining leaves the parts as they are, so they can be joined again.
      rounds: 31,
    },
  ]
}

async function sendParts(uploads: BenchUploads, size: SizeName): Promise<string> {
  const bytes = sizes[size] / parts
  const paths: string[] = []
  for (let part = 0; part < parts; part++) {
    const path = await uploads.create({ 'Upload-Length': bytes, 'Upload-Concat': 'partial' })
    await uploads.fill(path, 0, bytes, part * Math.ceil(bytes / chunkBytes))
    paths.push(path)
  }
  return `final;${paths.join(' ')}`
}

/** Finishes uploads of both sizes in turn, one right after the other. */
async function timesOf({ prepare, rounds }: Way): Promise<Times> {
  const times = { small: [] as number[], large: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const order: readonly SizeName[] = round % 2 === 0 ? ['small', 'large'] : ['large', 'small']
    const finishes: [SizeName, Finish][] = []
    for (const size of order) finishes.push([size, await prepare(size)])
    // What sending has left to be done must not fall to whoever is first.
    await (
      await prepare('small')
    )()
    for (const [size, finish] of finishes) {
      const start = performance.now()
      await finish()
      times[size].push(performance.now() - start)
    }
  }
  return times
}

function rowOf({ small, large }: Times): object {
  return {
    '5 MiB': describeTimes(small),
    '5 GiB': describeTimes(large),
    ratio: (median(large) / median(small)).toFixed(2),
    rounds: small.length,
  }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
}

function describeTimes(times: readonly number[]): string {
  const [low, high] = [Math.min(...times), Math.max(...times)]
  return `${median(times).toFixed(1)} (${low.toFixed(1)}–${high.toFixed(1)})`
}
