import { readFile } from 'node:fs/promises'
import { startAshlar } from '../peers/node-peer.ts'
import type { Row, RunScale } from '../row.ts'
import { gib, mib, sizeName } from './sizes.ts'
import { Stage } from './stage.ts'

const suite = 'Scale over HTTP'
/**
 * Small files are sent one after the other until so much has been moved: what differs is their size
 * alone.
 */
const leastBytes = { long: gib, short: 64 * mib }
const sizes = { long: [16 * mib, 256 * mib, gib, 4 * gib, 16 * gib], short: [16 * mib, 256 * mib] }
const crowds = { long: [1, 4, 16, 64, 256], short: [1, 256] }
/**
 * Larger files have the same bytes again and again, which costs the server no less memory, and the
 * disk nothing.
 */
const mostDistinctBytes = 4 * gib
const mostGrowth = 1.1

interface Step {
  readonly clients: number
  /** Of each file. */
  readonly bytes: number
  readonly filesPerClient: number
}

interface Measured {
  /** GB/s */
  readonly upload: number
  readonly download: number
  readonly peakMebibytes: number
}

/**
 * What becomes of speed and memory as files grow, and crowds of clients. Each step has a server of
 * its own, whose peak is that of this step alone.
 */
export async function scaleOverHttp({ isShort }: RunScale): Promise<readonly Row[]> {
  const scale = isShort ? 'short' : 'long'
  const rows: Row[] = []
  let smallest: Measured | undefined
  for (const bytes of sizes[scale]) {
    const filesPerClient = Math.max(1, leastBytes[scale] / bytes)
    const measured = await measure({ clients: 1, bytes, filesPerClient })
    const distinct = bytes > mostDistinctBytes ? ` (${sizeName(mostDistinctBytes)} of them distinct)` : ''
    const files = filesPerClient > 1 ? `${filesPerClient} files of ${sizeName(bytes)}` : sizeName(bytes)
    const isLargest = bytes === sizes[scale].at(-1)
    rows.push(...rowsOf(`${files}${distinct}`, measured, isLargest ? smallest : undefined))
    smallest ??= measured
  }
  for (const clients of crowds[scale]) {
    const bytes = leastBytes[scale] / clients
    const measured = await measure({ clients, bytes, filesPerClient: 1 })
    rows.push(
      ...rowsOf(
        `${sizeName(bytes)} by ${clients === 1 ? 'one client' : `${clients} clients at once`}`,
        measured,
      ),
    )
  }
  return rows
}

async function measure({ clients, bytes, filesPerClient }: Step): Promise<Measured> {
  await using stage = await Stage.open()
  const { port, pid } = await stage.serve(startAshlar(stage.path('ashlar')))
  const repeatsAfter = bytes > mostDistinctBytes ? { repeatsAfter: mostDistinctBytes } : {}
  const path = '/files/one'
  const put = { kind: 'put', bytes, ...repeatsAfter } as const
  const load = { port, clients, until: { times: filesPerClient } }
  const upload = await stage.throughput({
    ...load,
    exchange: { ...put, path: clients === 1 ? path : '/files/' },
  })
  if (clients > 1)
    await stage.throughput({ port, clients: 1, until: { times: 1 }, exchange: { ...put, path } })
  const download = await stage.throughput({ ...load, exchange: { kind: 'get', paths: [path], bytes } })
  return { upload, download, peakMebibytes: await peakMemory(pid) }
}

/** The most that the process has ever had of memory, in MiB. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024
}

function rowsOf(
  what: string,
  { upload, download, peakMebibytes }: Measured,
  smallest?: Measured,
): readonly Row[] {
  const speed = { suite, unit: 'GB/s', against: '' }
  const peak: Row = { suite, unit: 'MiB', work: `peak memory, ${what}`, against: '', ours: peakMebibytes }
  return [
    { ...speed, work: `PUT of ${what}`, ours: upload },
    { ...speed, work: `GET of ${what}`, ours: download },
    smallest
      ? {
          ...peak,
          against: 'the smallest files',
          theirs: smallest.peakMebibytes,
          ratio: peakMebibytes / smallest.peakMebibytes,
          target: { atMost: mostGrowth },
        }
      : peak,
  ]
}
