import type { Progress, Transfer } from '../client/node.ts'
import { count, grouped, humanSize } from './quantities.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Session } from './session.ts'

/** Follows the transfers of one command: a bar while they last, and a line at the end. */
export class TransferReport {
  readonly #session: Session
  readonly #verb: string
  readonly #bar: ProgressBar | undefined
  #files = 0
  #unchanged = 0
  #moved = 0

  private constructor(session: Session, verb: string, bar: ProgressBar | undefined) {
    this.#session = session
    this.#verb = verb
    this.#bar = bar
  }

  /** `verb` is what has been done with the bytes: `sent`. */
  static async start(session: Session, verb: string): Promise<TransferReport> {
    const { isTTY } = process.stderr
    const bar = isTTY && !session.terminal.isQuiet ? await ProgressBar.start(session.terminal) : undefined
    return new TransferReport(session, verb, bar)
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
  async follow<T>(transfer: Transfer<T>): Promise<{ result: T; moved: number }> {
    let last: Progress = { done: 0, reused: 0 }
    let most = 0
    const subscription = transfer.progress.subscribe((progress) => {
      this.#bar?.advance(progress.done - last.done)
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

  /** Bytes that were found to be there without a transfer. */
  reuse(bytes: number): void {
    this.#bar?.advance(bytes)
  }

  end(): void {
    this.#bar?.stop()
    const { failures, terminal } = this.#session
    const failed = failures > 0 ? `, ${grouped(failures)} failed` : ''
    terminal.say(
      `${count(this.#files, 'file')}, ${humanSize(this.#moved)} ${this.#verb}, ${grouped(this.#unchanged)} unchanged${failed}`,
    )
  }
}
