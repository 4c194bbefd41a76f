import { comparison, interleaved, type Measure, type Rounds } from '../interleaved.ts'
import type { Row } from '../row.ts'
import { byOperator, byVerb, type Loop, type Run } from './downloads.ts'
import { delayMs, idealMs, suite, windows, type Experiment } from './experiment.ts'
import { uploadByOperators, uploadByVerb } from './uploads.ts'

const mostOverIdeal = 1.08

/**
 * Of N chunks, however many blocks these are: each read of a block waits, and those of a chunk wait
 * together.
 */
export function delayedDownloads(
  name: string,
  experiment: Experiment,
  byLoop: Loop,
  rounds: Rounds,
): Promise<readonly Row[]> {
  const readsPerChunk = experiment.chunkBytes / experiment.readBytes
  return againstIdeal(
    `download ${name}`,
    (n) => ({
      operator: byOperator(experiment, n * readsPerChunk, { delayMs }),
      'whole download(), verified': byVerb(experiment, n * readsPerChunk, { isVerified: true, delayMs }),
      'a loop by hand': byLoop(n * readsPerChunk, { delayMs }),
    }),
    rounds,
  )
}

export function delayedUploads(
  name: string,
  experiment: Experiment,
  rounds: Rounds,
): Promise<readonly Row[]> {
  return againstIdeal(
    `upload ${name}`,
    (n) => ({
      operators: uploadByOperators(experiment, n, { delayMs }),
      'hashed, looked up': uploadByVerb(experiment, n, { delayMs }),
    }),
    rounds,
  )
}

/** The first of the ways is the article's: it has no digests to take. */
async function againstIdeal(
  work: string,
  runs: (n: number) => Readonly<Record<string, Run>>,
  rounds: Rounds,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const n of windows) {
    const ofN = runs(n)
    const measures = { ...mapped(ofN, inMs), ideal: () => Promise.resolve(idealMs(n)) }
    const times = await interleaved<string>(measures, rounds)
    for (const [index, way] of Object.keys(ofN).entries()) {
      const described = { suite, against: 'the ideal', unit: 'ms' }
      rows.push(
        comparison(times, way, 'ideal', {
          ...described,
          work: `${work}, ${delayMs} ms each, N = ${n}, ${way}`,
          ...(index === 0 && { target: { atMost: mostOverIdeal } }),
        }),
      )
    }
  }
  return rows
}

function inMs(run: Run): Measure {
  return async () => {
    const begun = performance.now()
    await run()
    return performance.now() - begun
  }
}

function mapped<T, R>(
  values: Readonly<Record<string, T>>,
  change: (value: T) => R,
): Readonly<Record<string, R>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}
