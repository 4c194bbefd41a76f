import type { Value } from './content.ts'
import { Violation } from './violation.ts'

/** What stands behind a name: a file, or nothing. */
export type State = Value | undefined

/** Names with what stands behind them, or is to stand there. */
export type States = ReadonlyMap<string, State>

interface Moment {
  /** Of all that is noted, one after the other. */
  readonly order: number
  /** On the clock that a crash is looked up by. */
  readonly at: number
}

/** Something that a client asks for, and that happens as a whole or not at all. */
export interface Operation {
  readonly what: string
  readonly changes: States
  /** The names that it is about; more than it changes for what only comes nearer to a file. */
  readonly about: readonly string[]
  readonly begun: Moment
  ended?: Moment
  /** `unclear` if nobody ever said, and it is over by now. */
  outcome?: 'done' | 'nothing' | 'unclear'
}

/**
 * What was asked for and what was acknowledged, from which follows what may be found after a crash.
 */
export class History {
  readonly #clock: () => number
  readonly #operations: Operation[] = []
  readonly #byName = new Map<string, Operation[]>()
  readonly #values = new Map<number, Value>()
  #order = 0
  /** When each acknowledgement came. */
  readonly acknowledgements: number[] = []

  /**
   * Operations of different clients, but not of one, may be noted at the same time of the clock.
   */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  newValue(content: string, size: number): Value {
    const value = { tag: this.#values.size + 1, content, size }
    this.#values.set(value.tag, value)
    return value
  }

  value(tag: number): Value | undefined {
    return this.#values.get(tag)
  }

  now(): Moment {
    return { order: this.#order++, at: this.#clock() }
  }

  /** To be called before anything is sent. */
  begin(what: string, changes: States, about: readonly string[] = [...changes.keys()]): Operation {
    const operation: Operation = { what, changes, about, begun: this.now() }
    this.#operations.push(operation)
    for (const name of changes.keys()) {
      const others = this.#byName.get(name)
      if (others) others.push(operation)
      else this.#byName.set(name, [operation])
    }
    return operation
  }

  /** To be called when the answer has come. */
  end(operation: Operation, outcome: 'done' | 'nothing'): void {
    operation.ended = this.now()
    operation.outcome = outcome
    if (outcome === 'done') this.acknowledgements.push(operation.ended.at)
  }

  get acknowledged(): number {
    return this.acknowledgements.length
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()]
  }

  /** What stands behind a name that only one client changes, if that one waits for nothing. */
  latest(name: string): State {
    const last = this.#byName.get(name)?.findLast(({ outcome }) => outcome === 'done')
    return last?.changes.get(name)
  }

  /**
   * Throws a violation unless what is found, all names that there are, may be what a crash at that
   * time has left.
   */
  check(found: States, at: number): void {
    for (const [name, state] of found) {
      if (!this.#byName.has(name)) throw new Violation(`${name} was never stored: ${told(state)}`, name)
    }
    for (const name of this.names) {
      const possible = this.#possible(name, at)
      if (possible.some((state) => state?.tag === found.get(name)?.tag)) continue
      const expected = possible.map(told).join(' or ')
      throw new Violation(`${name} is ${told(found.get(name))}, not ${expected}`, name)
    }
    for (const operation of this.#operations) this.#checkWhole(operation, found, at)
  }

  /** Nothing is under way any more, and this is what there is. */
  settle(found: States): void {
    const open = this.#operations.filter(({ ended }) => !ended)
    for (const operation of open) {
      operation.ended = this.now()
      operation.outcome = 'unclear'
    }
    const names = new Set(open.flatMap(({ changes }) => Array.from(changes.keys())))
    const changes = new Map(Array.from(names, (name) => [name, found.get(name)] as const))
    // Who has seen it may count on it.
    this.end(this.begin('found after the crash', changes), 'done')
  }

  /** The operations on a name, a line for each. */
  story(name: string): string {
    const about = this.#operations.filter((operation) => operation.about.includes(name))
    const lines = about.map(({ what, changes, begun, ended, outcome }) => {
      const until = ended ? `${ended.order} at ${ended.at}: ${outcome}` : 'not answered'
      const change = changes.has(name) ? `, makes it ${told(changes.get(name))}` : ''
      return `  ${begun.order} at ${begun.at} to ${until}: ${what}${change}`
    })
    return lines.join('\n')
  }

  /** What was last written, or may have been: all that no acknowledged operation came after. */
  #possible(name: string, at: number): readonly State[] {
    const begun = (this.#byName.get(name) ?? []).filter(
      ({ begun: { at: from }, outcome }) => from <= at && outcome !== 'nothing',
    )
    const acknowledged = begun.filter(
      (operation) => operation.outcome === 'done' && operation.ended!.at <= at,
    )
    const lastBegun = Math.max(-1, ...acknowledged.map(({ begun: { order } }) => order))
    const isLast = ({ ended }: Operation) => !ended || ended.at > at || ended.order > lastBegun
    const last = begun.filter(isLast).map(({ changes }) => changes.get(name))
    return acknowledged.length === 0 ? [undefined, ...last] : last
  }

  /** Of an operation that was under way, either all has happened or nothing. */
  #checkWhole(operation: Operation, found: States, at: number): void {
    const { changes, begun, ended, what } = operation
    if (changes.size < 2 || begun.at > at || (ended && ended.at <= at)) return
    const names = [...changes.keys()]
    const done = names.filter((name) => found.get(name)?.tag === changes.get(name)?.tag)
    if (done.length === 0 || done.length === names.length) return
    throw new Violation(`${what} has happened to ${done.join()} only, of ${names.join()}`, names[0])
  }
}

function told(state: State): string {
  return state ? `file ${state.tag} (${state.content}, ${state.size} bytes)` : 'absent'
}
