import { allocatedBytes } from '../allocated-bytes.ts'
import { comparison } from '../interleaved.ts'
import { interleavedPasses, type PassRounds } from '../interleaved-passes.ts'
import type { Row, RunScale } from '../row.ts'
import { delayedDownloads, delayedUploads } from './against-ideal.ts'
import { byOperator, byVerb, withLoop, type Loop } from './downloads.ts'
import { chunkSizes, suite, windows, withExperiment, type Experiment } from './experiment.ts'
import { uploadByOperators } from './uploads.ts'

const articleChunkBytes = 10 * 1024 * 1024
/** What the article's 126 MB are to become. */
const mostAllocatedMegabytes = 2

/**
 * The experiment of the article, as far as it needs no Go: against a loop by hand, and against what
 * no program could beat.
 */
export async function originalExperiment({ isShort }: RunScale): Promise<readonly Row[]> {
  const scale = isShort
    ? { passes: { rounds: 1, seconds: 0.01 }, delayed: { rounds: 1, warmUps: 0 } }
    : { passes: { rounds: 7, seconds: 0.1 }, delayed: { rounds: 5 } }
  const rows: Row[] = []
  for (const { name, chunkBytes } of chunkSizes) {
    const ofSize = await withExperiment(chunkBytes, (experiment) =>
      withLoop(experiment, async (byLoop) => [
        ...(await warmDownloads(name, experiment, byLoop, scale.passes)),
        ...(await delayedDownloads(name, experiment, byLoop, scale.delayed)),
        ...(await delayedUploads(name, experiment, scale.delayed)),
        ...(await allocations(name, experiment)),
      ]),
    )
    rows.push(...ofSize)
  }
  return rows
}

/** Of N reads of a block, or of a chunk where that is less. */
async function warmDownloads(
  name: string,
  experiment: Experiment,
  byLoop: Loop,
  rounds: PassRounds,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const n of windows) {
    const work = `download ${name}, warm, N = ${n}`
    const times = await interleavedPasses(
      work,
      {
        operator: byOperator(experiment, n),
        verb: byVerb(experiment, n, { isVerified: false, delayMs: 0 }),
        verified: byVerb(experiment, n, { isVerified: true, delayMs: 0 }),
        loop: byLoop(n),
      },
      rounds,
    )
    const speeds = times.map((us) => experiment.file.size / us)
    const described = { suite, against: 'a loop by hand, N reads', unit: 'MB/s' }
    rows.push(
      comparison(speeds, 'operator', 'loop', { ...described, work: `${work}, operator` }),
      comparison(speeds, 'verb', 'loop', { ...described, work: `${work}, whole download()` }),
      comparison(speeds, 'verified', 'loop', { ...described, work: `${work}, whole download(), verified` }),
    )
  }
  return rows
}

/** Once it is warm: the first run of all takes its buffers, too. */
async function allocations(name: string, experiment: Experiment): Promise<readonly Row[]> {
  const n = 10
  const runs = {
    'download, operator': byOperator(experiment, n),
    'download, whole download()': byVerb(experiment, n, { isVerified: false, delayMs: 0 }),
    'upload, operators': uploadByOperators(experiment, n),
  }
  const rows: Row[] = []
  for (const [way, run] of Object.entries(runs)) {
    rows.push({
      suite,
      work: `allocated for ${name}, N = ${n}, ${way}`,
      against: 'the article: 126 MB',
      unit: 'MB',
      ours: (await allocatedBytes(run)) / 1e6,
      ...(experiment.chunkBytes === articleChunkBytes && { target: { atMost: mostAllocatedMegabytes } }),
    })
  }
  return rows
}
