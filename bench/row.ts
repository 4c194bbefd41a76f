/** One line of what a run has measured. The figures are medians over its rounds. */
export interface Row {
  readonly suite: string
  readonly work: string
  /** The other side, measured in the same run. */
  readonly against: string
  /** Of `ours` and `theirs`, such as `MB/s`, `ms`, `ops/s`, `MiB`. */
  readonly unit: string
  readonly ours: number
  /** Absent where there is nothing to compare with. */
  readonly theirs?: number
  /**
   * Median of the ratios of the rounds, each round by itself, and never the ratio of two medians.
   * The target counts it.
   */
  readonly ratio?: number
  /** Quartiles of these ratios. */
  readonly spread?: readonly [low: number, high: number]
  /** What the ratio must reach, or where there is none, `ours`. */
  readonly target?: Target
}

export type Target = { readonly atLeast: number } | { readonly atMost: number }

export interface RunScale {
  /** All suites together in about a minute, to prove that they run; the figures say nothing. */
  readonly isShort: boolean
}

export type Suite = (scale: RunScale) => Promise<readonly Row[]>
