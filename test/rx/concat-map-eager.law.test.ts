import { concat, concatMap, defer, EMPTY, from, of, Subject, throwError, type Observable } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'

/** Something that fails instead of going on: a read before its first result, a write, or the source after its values. */
type Failure = `read ${number}` | `write ${string}` | 'source'

interface Plan {
  readonly inners: number
  readonly bound: number
  /** Results of each read. */
  readonly results: number
  /** Whether the end of a read is a step of its own or comes with its last result. */
  readonly endsApart: boolean
  readonly failure?: Failure
}

interface Step {
  (): void
}

/** What the law names, with inners that do all they do at once. Ends with `|` or with the failure's name. */
function reference(plan: Plan): string[] {
  const failing = (name: string, otherwise: Observable<string>) =>
    plan.failure === name ? throwError(() => name) : otherwise
  const values = from(Array.from({ length: plan.inners }, (_, index) => index))
  const seen: string[] = []
  concat(values, plan.failure === 'source' ? throwError(() => 'source') : EMPTY)
    .pipe(
      concatMap((index) =>
        defer(() => failing(`read ${index}`, from(resultsOf(plan, index)))).pipe(
          concatMap((result) => failing(`write ${result}`, of(result))),
        ),
      ),
    )
    .subscribe({
      next: (result) => seen.push(result),
      error: (name: string) => seen.push(name),
      complete: () => seen.push('|'),
    })
  return seen
}

function resultsOf(plan: Plan, index: number): string[] {
  return Array.from({ length: plan.results }, (_, at) => `${index}.${at}`)
}

/** One run of the operator, whose reads, writes and source go on step by step. */
class Run {
  readonly #plan: Plan
  readonly #expected: readonly string[]
  readonly #source = new Subject<number>()
  readonly #reads: { readonly index: number; readonly subject: Subject<string>; readonly left: string[] }[] =
    []
  readonly #writes: { readonly result: string; readonly subject: Subject<string> }[] = []
  readonly #seen: string[] = []
  #hasEnded = false
  #slots = 0

  constructor(plan: Plan, expected: readonly string[]) {
    this.#plan = plan
    this.#expected = expected
    this.#source
      .pipe(
        concatMapEager(
          plan.bound,
          (value, index) => this.#read(value, index),
          (result) => this.#write(result),
          () => this.#slots++,
        ),
      )
      .subscribe({
        next: (result) => this.#seen.push(result),
        error: (name: string) => this.#end(name),
        complete: () => this.#end('|'),
      })
    for (let index = 0; index < plan.inners; index++) this.#source.next(index)
    if (plan.failure !== 'source') this.#source.complete()
  }

  /** Everything that can happen next. */
  steps(): Step[] {
    if (this.#hasEnded) return []
    const steps: Step[] = this.#reads
      .filter(({ subject }) => subject.observed)
      .map((read) => () => this.#goOn(read))
    for (const { result, subject } of this.#writes) {
      if (!subject.observed) continue
      steps.push(() => {
        if (this.#plan.failure === `write ${result}`) subject.error(`write ${result}`)
        else {
          subject.next(result)
          subject.complete()
        }
      })
    }
    if (this.#plan.failure === 'source') steps.push(() => this.#source.error('source'))
    return steps
  }

  check(): void {
    const { bound, inners, results, failure } = this.#plan
    const isAhead = this.#seen.some((result, at) => result !== this.#expected[at])
    // A source may fail before all is written that came before.
    if (failure === 'source' && this.#hasEnded)
      ensure(this.#seen.at(-1) === 'source', 'ends with the failure')
    else ensure(!isAhead, `${this.#seen} is no beginning of ${this.#expected}`)
    ensure(
      this.#reads.every(({ index }, at) => index === at),
      'reads start in order',
    )
    ensure(this.#writes.filter(({ subject }) => subject.observed).length <= 1, 'one write at a time')
    if (this.#hasEnded) {
      const inner = [...this.#reads, ...this.#writes]
      ensure(!inner.some(({ subject }) => subject.observed), 'inners are unsubscribed at the end')
      ensure(!this.#source.observed, 'the source is unsubscribed at the end')
      return
    }
    // Reads and writes end in the order of the source.
    const written = this.#writes.filter(({ subject }) => subject.closedByTest).length
    const ended = this.#reads.filter(
      ({ subject }, at) => !subject.observed && written >= results * (at + 1) && this.#isTurnOver(at),
    ).length
    ensure(this.#reads.length - ended === Math.min(bound, inners - ended), 'holds as many as it may and can')
    ensure(this.#slots === bound + ended, 'opens a slot for each that has closed')
  }
}
