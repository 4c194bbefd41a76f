import type { Progress, Transfer } from '../../client/node.ts'
import { count, elapsed, grouped, humanSize } from '../terminal/quantities.ts'
import { ProgressBar } from '../terminal/progress-bar.ts'
import type { Session } from '../session.ts'

/** What is being done with bytes, and what has been: `sending`, `sent`. */
export type Verbs = readonly [moving: string, moved: string]

/** Follows the transfers of one command: a bar while they last, and a line at the end. */
export class TransferReport {
  readonly #session: Session
  readonly #moving: string
  readonly #verb: string
  readonly #startedAt = performance.now()
  readonly #bar: ProgressBar | undefined
  #files = 0
  #unchanged = 0
  #moved = 0

  private constructor(session: Session, [moving, verb]: Verbs, bar: ProgressBar | undefined) {
    this.#session = session
    this.#moving = moving
    this.#verb = verb
    this.#bar = bar
  }

  static async start(session: Session, verbs: Verbs): Promise<TransferReport> {
    const { isTTY } = process.stderr
    const bar = isTTY && !session.terminal.isQuiet ? await ProgressBar.start(session.terminal) : undefined
    return new TransferReport(session, verbs, bar)
  }

  /** Somebody looks: it is worth to find out beforehand how much there is. */
  get isWatched(): boolean {
    return this.#bar !== undefined
  }

  /** More is to come. */
  expect(files: number, bytes: number): void {
    this.#bar?.expect(files, bytes)
  }

  /** Resolves with the result, and with how many bytes really had to be moved for it. */
  async follow<T>(transfer: Transfer<T>, name: string): Promise<{ result: T; moved: number }> {
    let last: Progress = { done: 0, reused: 0 }
    let most = 0
    const subscription = transfer.progress.subscribe((progress) => {
      this.#bar?.advance(progress.done - last.done)
      if (progress.reused > last.reused) this.#bar?.tell(`comparing ${name}`)
      else if (progress.done > last.done) this.#bar?.tell(`${this.#moving} ${name}`)
      last = progress
      most = Math.max(most, progress.done - progress.reused)
    })
    try {
      const result = await transfer.result
      const moved = last.done - last.reused
      this.#moved += moved
      return { result, moved }
    } catch (error) {
      // What fails takes back what it has counted; it went over the line all the same.
      this.#moved += most
      throw error
    } finally {
      subscription.unsubscribe()
    }
  }

  done({ isUnchanged }: { readonly isUnchanged: boolean }): void {
    this.#files += 1
    if (isUnchanged) this.#unchanged += 1
    this.#bar?.fileDone()
  }

  /**
   * Follows what only looks whether a file is there already. If it fails, nothing has been done for
   * the file.
   */
  async check(transfer: Transfer<unknown>, name: string): Promise<void> {
    let done = 0
    this.#bar?.tell(`comparing ${name}`)
    const subscription = transfer.progress.subscribe((progress) => {
      this.#bar?.advance(progress.done - done)
      done = progress.done
    })
    try {
      await transfer.result
    } catch (error) {
      this.#bar?.advance(-done)
      throw error
    } finally {
      subscription.unsubscribe()
    }
  }

  end(): void {
    this.#bar?.stop()
    const { failures, terminal } = this.#session
    const failed = failures > 0 ? `, ${grouped(failures)} failed` : ''
    const seconds = (performance.now() - this.#startedAt) / 1000
    const speed = this.#moved > 0 ? ` (${humanSize(this.#moved / seconds)}/s)` : ''
    terminal.say(
      `${count(this.#files, 'file')}, ${humanSize(this.#moved)} ${this.#verb}, ${grouped(this.#unchanged)} unchanged${failed}, in ${elapsed(seconds)}${speed}`,
    )
  }
}
