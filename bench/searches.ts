import { randomUUIDv7 } from 'node:crypto'
import { FileHasher } from '../src/model/hashers.ts'
import { parseFileName, defaultSpace, type FileId } from '../src/model/file.ts'
import { request } from '../test/support/http-request.ts'
import { startBenchServer } from './bench-server.ts'
import { inTemporaryDirectory } from './in-temporary-directory.ts'
import { addChunks, withStoreIn } from './upkeep/store-with-chunks.ts'

// What clients that search without a hit cost those that fetch small files which are not in memory.
const files = Number(process.env['FILES'] ?? 300_000)
const rounds = Number(process.env['ROUNDS'] ?? 5)
const searchers = 4
const fetchers = 2
const fetchesPerRound = 1500
const wantedRatio = 3

await inTemporaryDirectory(async (directory) => {
  await fill(directory)
  const server = await startBenchServer(directory, ['--max-hot-memory', '0B', '--log-requests', 'errors'])
  try {
    await measure(server.port)
  } finally {
    await server.stop()
  }
})

/** Names that share the chunks of a few files: what is searched is the catalog. */
async function fill(directory: string): Promise<void> {
  await withStoreIn(directory, async (store) => {
    const { catalog } = store
    const [big] = await addChunks(store, directory, 1000)
    const source = await catalog.findFile(defaultSpace, { name: big! })
    const chunks = await catalog.listChunks(source!.id, 0, 1000)
    for (let made = 0; made < files; made += 1000) {
      const creating = Array.from({ length: 1000 }, (_, index) => {
        const { digest, size, blockDigests } = chunks[index % chunks.length]!
        const hasher = new FileHasher()
        hasher.add(digest)
        return catalog.createFile({
          id: randomUUIDv7() as FileId,
          space: defaultSpace,
          name: parseFileName(nameOf(made + index)),
          mediaType: 'text/plain',
          metadata: {},
          digest: hasher.digest(),
          chunks: [{ digest, size, blockDigests }],
        })
      })
      await Promise.all(creating)
    }
  })
}

function nameOf(index: number): string {
  return `folder-${index % 100}/a file with a name of usual length ${index}.txt`
}

async function measure(port: number): Promise<void> {
  await fetchSome(port)
  const alone: number[] = []
  const beside: number[] = []
  let searches = 0
  for (let round = 0; round < rounds; round++) {
    alone.push(p99(await fetchSome(port)))
    const leaving = new AbortController()
    const searching = Array.from({ length: searchers }, async () => {
      while (!leaving.signal.aborted) {
        await request({ port }, 'GET', '/api/files?q=nowhere')
        searches++
      }
    })
    beside.push(p99(await fetchSome(port)))
    leaving.abort()
    await Promise.all(searching)
  }
  const ratios = beside.map((ms, round) => ms / alone[round]!)
  console.log(`p99 of a cold GET among ${files} files; medians of ${rounds} rounds, ${searches} searches`)
  console.table({
    'alone, ms': median(alone).toFixed(2),
    [`beside ${searchers} searching clients, ms`]: median(beside).toFixed(2),
    ratio: median(ratios).toFixed(2),
    'from–to': `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`,
    wanted: `≤ ${wantedRatio}`,
  })
}

/** Milliseconds that each took. */
async function fetchSome(port: number): Promise<readonly number[]> {
  const times: number[] = []
  const fetcher = async () => {
    for (let fetched = 0; fetched < fetchesPerRound / fetchers; fetched++) {
      const path = `/files/${encodeURIComponent(nameOf(Math.floor(Math.random() * files)))}`
      const begun = performance.now()
      const { status } = await request({ port }, 'GET', path)
      if (status !== 200) throw new Error(`${path} is ${status}`)
      times.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: fetchers }, fetcher))
  return times
}

function p99(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
