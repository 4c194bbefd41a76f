import { inTemporaryDirectory } from '../in-temporary-directory.ts'
import type { Rounds } from '../interleaved.ts'
import { GoSide } from '../peers/go-side.ts'
import type { Row, RunScale } from '../row.ts'
import { byOperator, byVerb, withLoop, type Loop } from './downloads.ts'
import { chunkSizes, delayMs, windows, withExperiment, type Experiment } from './experiment.ts'
import { printAsArticle, rowsOf } from './article.ts'
import { measureCase, type Case } from './measure-case.ts'
import { uploadByOperators, uploadByVerb } from './uploads.ts'

const mib = 1024 * 1024
/**
 * Where chunks have 10 MiB and are in the page cache, whether N counts reads of a block, of which a
 * chunk takes ten, or chunks.
 */
const timesGo = { atLeast: 2 }
/**
 * What a capacity of N lets be held beside N chunks: one that waits to get in, and one that is
 * being waited for.
 */
const besideN = 2

interface Scale {
  readonly warm: Rounds
  readonly delayed: Rounds
  /** Of runs that are measured together; a small run counts as 4 MiB. */
  readonly bytesAtOnce: number
}

/**
 * The experiment of the article against the article's own way, both in the same rounds; prints the
 * article's own columns, too.
 */
export function againstGo({ isShort }: RunScale): Promise<readonly Row[]> {
  const once = { rounds: 1, warmUps: 0 }
  const scale = isShort
    ? { warm: once, delayed: once, bytesAtOnce: 120 * mib }
    : { warm: { rounds: 7 }, delayed: { rounds: 3 }, bytesAtOnce: 1200 * mib }
  return inTemporaryDirectory(async (directory) => {
    const go = await GoSide.start(directory)
    try {
      const rows: Row[] = []
      for (const { name, chunkBytes } of chunkSizes) {
        const ofSize = await withExperiment(chunkBytes, (experiment) =>
          withLoop(experiment, (byLoop) => compareSize(name, experiment, byLoop, go, scale)),
        )
        rows.push(...ofSize)
      }
      return rows
    } finally {
      await go.stop()
    }
  })
}

async function compareSize(
  name: string,
  experiment: Experiment,
  byLoop: Loop,
  go: GoSide,
  scale: Scale,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const n of windows) {
    const cases = [...warmCases(experiment, byLoop, n, scale), ...delayedCases(experiment, n, scale)]
    for (const each of cases) {
      const measured = await measureCase(each, go)
      const title = `${each.title} ${name}, N = ${n}`
      printAsArticle(title, measured)
      rows.push(...rowsOf(title, each, measured))
    }
  }
  return rows
}

function warmCases(
  experiment: Experiment,
  byLoop: Loop,
  n: number,
  { warm, bytesAtOnce }: Scale,
): readonly Case[] {
  const times = Math.ceil(bytesAtOnce / Math.max(4 * mib, experiment.file.size))
  const readsOfN = readsOf(n, experiment)
  const described = { experiment, n, delayMs: 0, times, rounds: warm }
  return [
    {
      ...described,
      title: 'download',
      kind: 'download',
      ...(readsOfN > n && { targets: { 'operator, N reads': timesGo, 'operator, N chunks': timesGo } }),
      ways: {
        'operator, N reads': byOperator(experiment, n),
        [`operator, N + ${besideN} reads as Go's`]: byOperator(experiment, n + besideN),
        ...(readsOfN > n && { 'operator, N chunks': byOperator(experiment, readsOfN) }),
        // What this machine lets any program of ours do.
        'a loop by hand, N reads': byLoop(n),
        'whole download()': byVerb(experiment, n, { isVerified: false, delayMs: 0 }),
        'whole download(), verified': byVerb(experiment, n, { isVerified: true, delayMs: 0 }),
      },
    },
    {
      ...described,
      title: 'upload',
      kind: 'upload',
      ways: {
        operators: uploadByOperators(experiment, n),
        'hashed, looked up': uploadByVerb(experiment, n),
      },
    },
  ]
}

/** Of N chunks, however many blocks these are. */
function delayedCases(experiment: Experiment, n: number, { delayed }: Scale): readonly Case[] {
  const described = { experiment, n, delayMs, times: 1, rounds: delayed }
  return [
    {
      ...described,
      title: `download with ${delayMs} ms`,
      kind: 'download',
      ways: {
        'operator, N chunks': byOperator(experiment, readsOf(n, experiment), { delayMs }),
        [`operator, N + ${besideN} chunks as Go's`]: byOperator(
          experiment,
          readsOf(n + besideN, experiment),
          {
            delayMs,
          },
        ),
      },
    },
    {
      ...described,
      title: `upload with ${delayMs} ms`,
      kind: 'upload',
      ways: { operators: uploadByOperators(experiment, n, { delayMs }) },
    },
  ]
}

function readsOf(chunks: number, { chunkBytes, readBytes }: Experiment): number {
  return (chunks * chunkBytes) / readBytes
}
