import { allocatedBytes } from '../allocated-bytes.ts'
import { interleaved, type Measure, type Rounds } from '../interleaved.ts'
import type { GoSide } from '../peers/go-side.ts'
import type { Target } from '../row.ts'
import { quartiles, type Samples } from '../samples.ts'
import type { Run } from './downloads.ts'
import type { Experiment } from './experiment.ts'

/** What Go does in one way, and we in several. */
export interface Case {
  readonly title: string
  readonly kind: 'download' | 'upload'
  readonly experiment: Experiment
  readonly n: number
  readonly delayMs: number
  /** Runs that are measured together. */
  readonly times: number
  readonly rounds: Rounds
  readonly ways: Readonly<Record<string, Run>>
  /** Of some of these ways. */
  readonly targets?: Readonly<Record<string, Target>>
}

export const go = 'Go'

export interface MeasuredCase {
  /** Of one run, by way; `go` is one of them. */
  readonly ns: Samples<string>
  readonly mbPerS: Samples<string>
  /** In one run; by Go and by the first of our ways. */
  readonly allocatedBytes: Readonly<Record<string, number>>
}

export async function measureCase(
  { kind, experiment, n, delayMs, times, rounds, ways }: Case,
  goSide: GoSide,
): Promise<MeasuredCase> {
  const { paths, file } = experiment
  const allocatedByGo: number[] = []
  const byGo = async () => {
    const measured = await goSide.measure({ kind, paths, n, delayMs, times })
    allocatedByGo.push(measured.allocatedBytes)
    return measured.ns
  }
  const measures: Record<string, Measure> = { [go]: byGo }
  for (const [way, run] of Object.entries(ways)) measures[way] = () => nsOf(run, times)
  const ns = await interleaved(measures, rounds)
  const allocated: Record<string, number> = { [go]: quartiles(allocatedByGo).median }
  const [first] = Object.entries(ways)
  if (first && delayMs === 0) allocated[first[0]] = await allocatedBytes(first[1])
  return { ns, mbPerS: ns.map((ofRun) => (file.size / ofRun) * 1000), allocatedBytes: allocated }
}

async function nsOf(run: Run, times: number): Promise<number> {
  const begun = performance.now()
  for (let again = 0; again < times; again++) await run()
  return ((performance.now() - begun) * 1e6) / times
}
