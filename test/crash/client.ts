import { request, type Answer, type RequestOptions } from '../support/http-request.ts'
import { contentBytes, type Value } from './content.ts'
import type { Dice } from './dice.ts'
import type { History } from './history.ts'
import type { Upload } from './upload.ts'
import { Violation } from './violation.ts'

/**
 * Content comes from a few sources only, so that files share chunks, and what one lets go another
 * one counts on.
 */
const contents = ['marble', 'granite', 'slate', 'basalt', 'limestone', 'sandstone']
const kib = 1024
const pieceBytes = 64 * kib

/** Names that any client may change. */
export const sharedNames = ['shared/a', 'shared/b', 'shared/c'] as const
const ownNameCount = 6

/** Somebody who does one thing after the other. Only she changes the names that are her own. */
export class Client {
  readonly ownNames: readonly string[]
  readonly uploads: Upload[] = []
  readonly history: History
  readonly dice: Dice
  port = 0

  constructor(name: string, history: History, dice: Dice) {
    this.history = history
    this.dice = dice
    this.ownNames = Array.from({ length: ownNameCount }, (_, index) => `${name}/${index}`)
  }

  newValue(minSize = 0): Value {
    const { dice } = this
    // Whole chunks and what is left of them, some of nothing, most of a few chunks.
    const most = dice.pick([1, 3 * kib, 64 * kib, 200 * kib, 1024 * kib, 2048 * kib])
    const size = Math.max(minSize, dice.percent(30) ? most : dice.int(0, most))
    return this.history.newValue(dice.pick(contents), size)
  }

  ask(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return request(this, method, path, options)
  }

  /**
   * Bytes of a value from `start` to `end`, in pieces that may take a while. With `breakAt` the
   * line breaks there.
   */
  async *body(value: Value, start = 0, end = value.size, breakAt = Infinity): AsyncGenerator<Buffer> {
    const isSlow = this.dice.percent(15)
    for (let at = start; at < end; at += pieceBytes) {
      if (at + pieceBytes > breakAt) {
        if (breakAt > at) yield contentBytes(value.content, at, breakAt)
        throw new BrokenLine('The line breaks as planned')
      }
      if (isSlow) await pause(this.dice.int(0, 8))
      yield contentBytes(value.content, at, Math.min(end, at + pieceBytes))
    }
  }
}

export class BrokenLine extends Error {
  override readonly name = 'BrokenLine'
}

/**
 * Makes the load last, so that a crash can come between. Nothing waits for it to have an effect.
 */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Throws a violation unless the status is one of these. */
export function expectStatus(answer: Answer, what: string, name: string, ...statuses: number[]): void {
  if (statuses.includes(answer.status)) return
  throw new Violation(
    `${what} was answered ${answer.status}, not ${statuses.join(' or ')}: ${answer.body.toString()}`,
    name,
  )
}
