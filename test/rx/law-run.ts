import { concat, concatMap, EMPTY, from, of, Subject, throwError, type Observable } from 'rxjs'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'

export interface Plan {
  readonly inners: number
  readonly bound: number
  /** Results of each read. */
  readonly results: number
  /** Whether a read ends in a step of its own, or together with its last result. */
  readonly endsApart: boolean
  /**
   * What fails: `read 2` instead of its first result, `write 2.0`, or `source`, at any time after
   * its last value.
   */
  readonly failure?: string
}

interface Read {
  readonly subject: Subject<string>
  /** What it has not emitted yet. */
  readonly left: string[]
  hasEnded: boolean
}

interface Write {
  readonly subject: Subject<string>
  readonly result: string
  hasEnded: boolean
}

/**
 * What the law names, with inners that do at once all that they do: results, then `|` or what
 * failed.
 */
export function reference({ inners, results, failure }: Plan): string[] {
  const failing = (name: string, otherwise: Observable<string>) =>
    failure === name ? throwError(() => name) : otherwise
  const source = concat(numbersBelow(inners), failure === 'source' ? throwError(() => failure) : EMPTY)
  const read = (index: number) => failing(`read ${index}`, from(resultsOf(index, results)))
  const write = (result: string) => failing(`write ${result}`, of(result))
  const seen: string[] = []
  source.pipe(concatMap((index) => read(index).pipe(concatMap(write)))).subscribe({
    next: (result) => seen.push(result),
    error: (name: string) => seen.push(name),
    complete: () => seen.push('|'),
  })
  return seen
}

/**
 * Runs the operator with reads, writes and a source that go on only step by step, and checks it
 * after each.
 */
export class LawRun {
  readonly #plan: Plan
  readonly #expected: readonly string[]
  readonly #source = new Subject<number>()
  readonly #reads: Read[] = []
  readonly #writes: Write[] = []
  readonly #seen: string[] = []
  #hasEnded = false
  #slotsOpened = 0

  constructor(plan: Plan, expected: readonly string[]) {
    this.#plan = plan
    this.#expected = expected
    const operator = concatMapEager(
      plan.bound,
      (index: number) => this.#startRead(index),
      (result: string) => this.#startWrite(result),
      () => this.#slotsOpened++,
    )
    this.#source.pipe(operator).subscribe({
      next: (result) => this.#seen.push(result),
      error: (name: string) => this.#end(name),
      complete: () => this.#end('|'),
    })
    for (const index of numbersBelow(plan.inners)) this.#source.next(index)
    if (plan.failure !== 'source') this.#source.complete()
    this.#check()
  }

  /** All that can happen next; nothing once the operator has ended. */
  choices(): (() => void)[] {
    if (this.#hasEnded) return []
    const reads = this.#reads.flatMap((read, index) => (read.hasEnded ? [] : () => this.#goOn(read, index)))
    const writes = this.#writes.flatMap((write) => (write.hasEnded ? [] : () => this.#endWrite(write)))
    const source = this.#plan.failure === 'source' ? [() => this.#source.error('source')] : []
    return [...reads, ...writes, ...source].map((step) => () => {
      step()
      this.#check()
    })
  }

  #startRead(index: number): Subject<string> {
    ensure(index === this.#reads.length, 'reads start in order')
    const subject = new Subject<string>()
    this.#reads.push({ subject, left: resultsOf(index, this.#plan.results), hasEnded: false })
    return subject
  }

  #startWrite(result: string): Subject<string> {
    const subject = new Subject<string>()
    ensure(
      this.#writes.every(({ hasEnded }) => hasEnded),
      'writes run one at a time',
    )
    this.#writes.push({ subject, result, hasEnded: false })
    return subject
  }

  #goOn(read: Read, index: number): void {
    if (this.#plan.failure === `read ${index}`) {
      read.hasEnded = true
      read.subject.error(this.#plan.failure)
      return
    }
    const result = read.left.shift()
    read.hasEnded = result === undefined || (read.left.length === 0 && !this.#plan.endsApart)
    if (result !== undefined) read.subject.next(result)
    if (read.hasEnded) read.subject.complete()
  }

  #endWrite(write: Write): void {
    write.hasEnded = true
    if (this.#plan.failure === `write ${write.result}`) {
      write.subject.error(this.#plan.failure)
      return
    }
    write.subject.next(write.result)
    write.subject.complete()
  }

  #end(name: string): void {
    ensure(!this.#hasEnded, 'ends once')
    this.#seen.push(name)
    this.#hasEnded = true
  }

  #check(): void {
    // Alone of all failures that of the source may come before what stood before it is written.
    const lawful = this.#hasEnded && this.#plan.failure === 'source' ? this.#seen.slice(0, -1) : this.#seen
    ensure(
      lawful.every((result, at) => result === this.#expected[at]),
      'emits what the law says',
    )
    if (this.#hasEnded) this.#checkEnd()
    else this.#checkSlots()
  }

  #checkEnd(): void {
    ensure(this.#seen.at(-1) === (this.#plan.failure ?? '|'), 'ends as the law says')
    const subjects = [this.#source, ...[...this.#reads, ...this.#writes].map(({ subject }) => subject)]
    ensure(!subjects.some(({ observed }) => observed), 'unsubscribes from everything')
  }

  #checkSlots(): void {
    const { inners, bound, failure } = this.#plan
    const closed = this.#closedSlots()
    const held = this.#reads.length - closed
    ensure(held === Math.min(bound, inners - closed), 'holds as many as it may and can')
    ensure(this.#slotsOpened === bound + closed, 'opens a slot for each that closes')
    ensure(closed < inners || failure === 'source', 'ends with the last write')
    const writing = this.#writes.filter(({ hasEnded }) => !hasEnded).length
    const current = this.#reads[closed]
    const isReady = current && this.#writes.length < this.#resultsOut(closed)
    ensure(writing === 1 || !isReady, 'writes as soon as it can')
  }

  /** Values whose read and writes have all ended; the writes are in the order of the source. */
  #closedSlots(): number {
    const written = this.#writes.filter(({ hasEnded }) => hasEnded).length
    const isOpen = (read: Read, index: number) =>
      !read.hasEnded || this.#plan.failure === `read ${index}` || written < this.#plan.results * (index + 1)
    const open = this.#reads.findIndex(isOpen)
    return open === -1 ? this.#reads.length : open
  }

  /** Results that the reads up to this one have emitted. */
  #resultsOut(index: number): number {
    return this.#reads
      .slice(0, index + 1)
      .reduce((sum, { left }) => sum + this.#plan.results - left.length, 0)
  }
}

function numbersBelow(end: number): number[] {
  return Array.from({ length: end }, (_, index) => index)
}

function resultsOf(index: number, results: number): string[] {
  return numbersBelow(results).map((at) => `${index}.${at}`)
}

function ensure(condition: boolean, promise: string): void {
  if (!condition) throw new Error(`broken: ${promise}`)
}
