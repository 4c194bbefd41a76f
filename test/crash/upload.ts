import type { Value } from './content.ts'
import type { Operation } from './history.ts'

interface Mark {
  readonly offset: number
  readonly at: number
}

/** An upload as its client knows it. */
export class Upload {
  readonly id: string
  /** Under which it becomes a file; of a partial one, for the story only. */
  readonly name: string
  /** Its bytes are those of this value from `start` on. */
  readonly value: Value
  readonly start: number
  readonly size: number
  readonly isPartial: boolean
  /** When its creation was acknowledged. */
  readonly createdAt: number
  /** Set when its end is asked for. */
  termination: Operation | undefined
  #sent: Mark[] = []
  #acknowledged: Mark[] = []

  constructor(
    id: string,
    name: string,
    value: Value,
    { start, size, isPartial, createdAt }: Pick<Upload, 'start' | 'size' | 'isPartial' | 'createdAt'>,
  ) {
    this.id = id
    this.name = name
    this.value = value
    this.start = start
    this.size = size
    this.isPartial = isPartial
    this.createdAt = createdAt
  }

  get path(): string {
    return `/uploads/${this.id}`
  }

  /** Where the client has to continue. */
  get offset(): number {
    return this.#acknowledged.at(-1)?.offset ?? 0
  }

  /** Bytes up to there are about to be sent. */
  send(offset: number, at: number): void {
    this.#sent.push({ offset, at })
  }

  /** The server has said that it has as much. */
  acknowledge(offset: number, at: number): void {
    this.#acknowledged.push({ offset, at })
  }

  /**
   * What a crash at that time may leave of it: no less than was acknowledged, no more than was
   * sent.
   */
  possibleOffsets(at: number): { readonly least: number; readonly most: number } {
    return { least: highest(this.#acknowledged, at), most: highest(this.#sent, at) }
  }
}

function highest(marks: readonly Mark[], at: number): number {
  return Math.max(0, ...marks.filter((mark) => mark.at <= at).map(({ offset }) => offset))
}
