import type { Row } from './row.ts'
import { Samples } from './samples.ts'

/** Does its work once, and resolves with what counts of it, such as MB/s or milliseconds. */
export type Measure = () => Promise<number>

export interface Rounds {
  readonly rounds: number
  /** Rounds before those, which do not count; one unless given. */
  readonly warmUps?: number
}

/**
 * Runs alternatives one after the other, round after round, every other round in reverse order: a
 * machine that is slower for a while is so for all of them, and none is always the one that comes
 * after another.
 */
export async function interleaved<Name extends string>(
  alternatives: Readonly<Record<Name, Measure>>,
  { rounds, warmUps = 1 }: Rounds,
): Promise<Samples<Name>> {
  const names = Object.keys(alternatives) as Name[]
  const measured: Record<Name, number>[] = []
  for (let round = 0; round < warmUps + rounds; round++) {
    const figures: [Name, number][] = []
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      figures.push([name, await alternatives[name]()])
    }
    if (round >= warmUps) measured.push(Object.fromEntries(figures) as Record<Name, number>)
  }
  return new Samples(measured)
}

/**
 * The row of one alternative against another; its ratio is that of `ours` to `theirs`, in the unit
 * of both.
 */
export function comparison<Name extends string>(
  samples: Samples<Name>,
  ours: Name,
  theirs: Name,
  described: Pick<Row, 'suite' | 'work' | 'against' | 'unit' | 'target'>,
): Row {
  const { low, median, high } = samples.ratio(ours, theirs)
  return {
    ...described,
    ours: samples.median(ours),
    theirs: samples.median(theirs),
    ratio: median,
    spread: [low, high],
  }
}
