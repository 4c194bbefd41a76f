import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { request } from '../test/support/http-request.ts'
import { startBenchServer } from './bench-server.ts'
import { BenchUploads } from './bench-uploads.ts'
import { StalledCrowd } from './stalled-crowd.ts'

// Needs 4096 descriptors: `ulimit -n 8192`. Linux only, for what /proc tells.
const rounds = Number(process.env['ROUNDS'] ?? 5)
const stalledDownloads = 1000
const stalledUploads = 1000
const fileMebibytes = 512
const targets = { memoryMebibytes: 512, share: 0.7 }

const run = promisify(execFile)
const fastClient = fileURLToPath(new URL('./fast-client.ts', import.meta.url))
type Direction = 'GET' | 'PUT'

const directory = await mkdtemp(join(tmpdir(), 'ashlar-bench-'))
try {
  const server = await startBenchServer(directory)
  try {
    await measure(server.port, server.pid)
  } finally {
    await server.stop()
  }
} finally {
  await rm(directory, { recursive: true })
}

async function measure(port: number, pid: number): Promise<void> {
  await fast(port, 'PUT')
  const alone: Record<Direction, number[]> = { GET: [], PUT: [] }
  const beside: Record<Direction, number[]> = { GET: [], PUT: [] }
  const memory: number[] = []
  const measureBoth = async (speeds: Record<Direction, number[]>) => {
    for (const direction of ['GET', 'PUT'] as const) speeds[direction].push(await fast(port, direction))
  }
  // Not counted: it is the first time for the code.
  await measureBoth({ GET: [], PUT: [] })
  const memoryAlone = await memoryOf(pid, 'VmRSS')
  for (let round = 0; round < rounds; round++) {
    // Who has just left has given the server something to do.
    await atRest(pid)
    await measureBoth(alone)
    const crowd = await stalledCrowd(port)
    const running = await requestsRunning(port)
    memory.push(await memoryOf(pid, 'VmRSS'))
    await measureBoth(beside)
    memory.push(await memoryOf(pid, 'VmRSS'))
    if (crowd.lost > 0) console.log(`${crowd.lost} stalled clients lost their connection meanwhile`)
    console.log(`round ${round + 1}: ${running} requests stood still`)
    await crowd.leave()
  }
  console.log(
    `\nA fast client beside ${stalledDownloads} stalled downloads and ${stalledUploads} stalled uploads; medians of ${rounds} rounds`,
  )
  console.table({
    'download, MiB/s': rowOf(alone.GET, beside.GET),
    'upload, MiB/s': rowOf(alone.PUT, beside.PUT),
  })
  console.table({
    'resident, nobody stalled, MiB': { measured: memoryAlone },
    'resident beside the stalled, MiB': { measured: Math.max(...memory), wanted: targets.memoryMebibytes },
    'resident, at the highest, MiB': {
      measured: await memoryOf(pid, 'VmHWM'),
      wanted: targets.memoryMebibytes,
    },
  })
}

async function stalledCrowd(port: number): Promise<StalledCrowd> {
  const crowd = new StalledCrowd(port)
  const uploads = new BenchUploads(port)
  const all = [
    ...Array.from({ length: stalledDownloads }, () => () => crowd.download('fast')),
    ...Array.from(
      { length: stalledUploads },
      (_, index) => () => (index % 2 === 0 ? crowd.put(`stalled-${index}`) : crowd.append(uploads)),
    ),
  ]
  // As many at once as a listening socket's queue is sure to take.
  while (all.length > 0) await Promise.all(all.splice(0, 50).map((begin) => begin()))
  return crowd
}

/** Resolves when the server does next to nothing. */
async function atRest(pid: number): Promise<void> {
  for (let before = -Infinity, now = await ticksOf(pid); now > before + 1; now = await ticksOf(pid)) {
    before = now
    await sleep(500)
  }
}

/** Time of the processor that it has taken, in hundredths of a second. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Mebibytes per second. */
async function fast(port: number, direction: Direction): Promise<number> {
  const { stdout } = await run(process.execPath, [
    fastClient,
    `${port}`,
    direction,
    'fast',
    `${fileMebibytes}`,
  ])
  return fileMebibytes / (Number(stdout) / 1000)
}

async function requestsRunning(port: number): Promise<number> {
  const { body } = await request({ port }, 'GET', '/metrics')
  return Number(/^ashlar_requests_running (\d+)$/m.exec(body.toString())?.[1]) - 1
}

async function memoryOf(pid: number, what: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024)
}

function rowOf(alone: readonly number[], beside: readonly number[]): object {
  const shares = beside.map((speed, round) => speed / alone[round]!)
  return {
    alone: Math.round(median(alone)),
    beside: Math.round(median(beside)),
    'share kept': median(shares).toFixed(2),
    'from–to': `${Math.min(...shares).toFixed(2)}–${Math.max(...shares).toFixed(2)}`,
    wanted: targets.share,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
