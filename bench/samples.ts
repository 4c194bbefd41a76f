export interface Quartiles {
  readonly low: number
  readonly median: number
  readonly high: number
}

/** What a comparison has measured: one figure for each alternative and round. */
export class Samples<Name extends string> {
  readonly #rounds: readonly Readonly<Record<Name, number>>[]

  constructor(rounds: readonly Readonly<Record<Name, number>>[]) {
    this.#rounds = rounds
  }

  get names(): readonly Name[] {
    return Object.keys(this.#rounds[0] ?? {}) as Name[]
  }

  median(name: Name): number {
    return quartiles(this.#rounds.map((round) => round[name])).median
  }

  /** The figures, each changed alike: a time into a speed, or that of all into that of one. */
  map(change: (figure: number, name: Name) => number): Samples<Name> {
    const changed = this.#rounds.map((round) => {
      const figures = Object.entries<number>(round) as [Name, number][]
      return Object.fromEntries(figures.map(([name, figure]) => [name, change(figure, name)]))
    })
    return new Samples(changed as Record<Name, number>[])
  }

  /**
   * Of one alternative to another, each round by itself: what slows both down for a while cancels
   * out.
   */
  ratio(name: Name, to: Name): Quartiles {
    return quartiles(this.#rounds.map((round) => round[name] / round[to]))
  }
}

/** Throws `RangeError` for no values at all. */
export function quartiles(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b)
  return { low: quantile(sorted, 0.25), median: quantile(sorted, 0.5), high: quantile(sorted, 0.75) }
}

function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  if (below === undefined || above === undefined) throw new RangeError('there are no values')
  return below + (above - below) * (at - Math.floor(at))
}
