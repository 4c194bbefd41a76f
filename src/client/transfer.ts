import { BehaviorSubject, type Observable } from 'rxjs'

/** How far a transfer is, in bytes. */
export interface Progress {
  /**
   * Bytes that need not be sent or fetched any more, including those that were there before. Falls
   * when something has to be sent again.
   */
  readonly done: number
  /** The bytes among them that were there before the transfer began. */
  readonly reused: number
  /** All bytes; absent while unknown. */
  readonly total?: number
}

/** Work under way. It has already begun, and ends early when its signal aborts. */
export interface Transfer<T> {
  /** The result. Rejects `StoreError`. */
  readonly result: Promise<T>
  /**
   * Emits the latest progress at once, then what follows. Completes when the transfer has ended;
   * `result` says how.
   */
  readonly progress: Observable<Progress>
}

/** Collects what a transfer has done, from all its parts. */
export class ProgressMeter {
  readonly #progress = new BehaviorSubject<Progress>({ done: 0, reused: 0 })

  readonly changes = this.#progress.asObservable()

  expect(total: number): void {
    this.#progress.next({ ...this.#progress.value, total })
  }

  /** Negative where bytes that were counted have to be sent again. */
  add(bytes: number): void {
    if (bytes !== 0) this.#move(bytes, 0)
  }

  reuse(bytes: number): void {
    if (bytes !== 0) this.#move(bytes, bytes)
  }

  /** Does work that adds to it. If that fails, what it has added is taken back. */
  async orTakeBack<T>(work: (part: Pick<ProgressMeter, 'add' | 'reuse'>) => Promise<T>): Promise<T> {
    const added = { done: 0, reused: 0 }
    const part = {
      add: (bytes: number) => {
        added.done += bytes
        this.add(bytes)
      },
      reuse: (bytes: number) => {
        added.reused += bytes
        this.reuse(bytes)
      },
    }
    try {
      return await work(part)
    } catch (error) {
      this.#move(-added.done - added.reused, -added.reused)
      throw error
    }
  }

  complete(): void {
    this.#progress.complete()
  }

  #move(done: number, reused: number): void {
    const { value } = this.#progress
    this.#progress.next({ ...value, done: value.done + done, reused: value.reused + reused })
  }
}

export function startTransfer<T>(work: (meter: ProgressMeter) => Promise<T>): Transfer<T> {
  const meter = new ProgressMeter()
  const result = work(meter).finally(() => meter.complete())
  return { result, progress: meter.changes }
}
