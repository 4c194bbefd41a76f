import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { finalize, map, mergeMap, Observable, tap, type Subscription } from 'rxjs'
import { BufferPool, type Lease } from '../../src/buffers/buffer-pool.ts'
import { chunked, type FilledChunk } from '../../src/streams/chunked.ts'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'
import { FairLimiter } from '../../src/rx/fair-limiter.ts'
import { Pulled } from '../../src/rx/pulled.ts'

export interface PipelinePlan {
  readonly chunkBytes: number
  readonly pieceBytes: number
  readonly storing: number
  readonly holding: number
  readonly reading: number
  /** The parts in which the upload arrives. */
  readonly parts: readonly Uint8Array[]
  /** Which of the operations under way ends next, again and again. */
  readonly schedule: readonly number[]
  readonly fault?: { readonly kind: 'fail' | 'cut-off'; readonly at: number }
}

/**
 * One block on its way out. Its lease goes back once: when it is written, or when the download ends
 * before.
 */
class Block {
  #lease: Lease | undefined

  hold(lease: Lease): void {
    this.#lease = lease
  }

  get bytes(): Uint8Array {
    if (!this.#lease) throw new Error('a block is written after it is read')
    return this.#lease.bytes
  }

  drop(): void {
    this.#lease?.release()
    this.#lease = undefined
  }
}

/**
 * Uploads bytes into memory and downloads them, where each read and each write ends when the plan
 * says so.
 */
export class PipelineRun {
  readonly pool: BufferPool
  readonly received: Uint8Array[] = []
  readonly broken = new Set<string>()
  readonly #plan: PipelinePlan
  readonly #underWay: ((error?: Error) => void)[] = []
  readonly #stored = new Map<number, Uint8Array>()
  #operations = 0
  #subscription: Subscription | undefined
  #outcome: 'complete' | 'failed' | 'cut off' | undefined

  constructor(plan: PipelinePlan) {
    this.#plan = plan
    const { chunkBytes, pieceBytes } = plan
    // Two uploads would fit side by side, so this one never has to give way to itself.
    this.pool = new BufferPool(2 * Math.ceil(chunkBytes / pieceBytes) * pieceBytes)
  }

  /** Resolves with how it ended, once all that was under way has ended too. */
  async run(): Promise<string> {
    await this.#follow(this.#upload())
    if (this.#outcome === 'complete') await this.#follow(this.#download())
    return this.#outcome ?? 'unfinished'
  }

  #upload(): Observable<unknown> {
    const { chunkBytes, pieceBytes, storing, parts } = this.#plan
    const source = new PassThrough()
    for (const part of parts) source.write(part)
    source.end()
    const store = (chunk: FilledChunk, index: number) =>
      this.#operation(
        () => this.#stored.set(index, Buffer.concat(chunk.pieces)),
        () => chunk.release(),
      )
    return chunked(source, this.pool, { chunkBytes, pieceBytes, maxChunks: storing }).pipe(
      // `maxChunks` is the bound: with one of its own mergeMap would queue chunks, and drop them
      // unreleased when it fails.
      mergeMap(store),
      finalize(() => source.destroy()),
    )
  }

  #download(): Observable<unknown> {
    const { holding, reading } = this.#plan
    const limited = new FairLimiter(reading).queue()
    const held = new Set<Block>()
    const source = new Pulled([...this.#stored].sort(([a], [b]) => a - b))
    const read = ({ block, bytes }: { block: Block; bytes: Uint8Array }) =>
      this.pool.lease(bytes.length).pipe(
        tap((lease) => block.hold(lease)),
        mergeMap((lease) => {
          // An operation that nobody waits for any more still fills its buffer.
          const share = lease.share()
          const fill = this.#operation(
            () => share.bytes.set(bytes),
            () => share.release(),
          )
          return fill.pipe(map(() => block))
        }),
      )
    const write = (block: Block) =>
      this.#operation(
        () => this.received.push(Uint8Array.from(block.bytes)),
        () => {},
      ).pipe(
        finalize(() => {
          held.delete(block)
          block.drop()
        }),
      )
    return source.pipe(
      map(([, bytes]) => ({ block: new Block(), bytes })),
      tap(({ block }) => held.add(block)),
      concatMapEager(holding, (value) => limited(read(value)), write, source.pull),
      finalize(() => {
        for (const block of held) block.drop()
      }),
    )
  }

  /**
   * Something that takes until the plan says that it has ended, also if nobody is interested any
   * more.
   */
  #operation(effect: () => void, onSettled: () => void): Observable<void> {
    return new Observable((subscriber) => {
      const at = this.#operations++
      const { fault } = this.#plan
      this.#underWay.push(() => {
        if (fault?.at === at && fault.kind === 'cut-off') this.#cutOff()
        const fails = fault?.at === at && fault.kind === 'fail'
        if (!fails && !subscriber.closed) effect()
        onSettled()
        if (fails) subscriber.error(new Error('failed'))
        else {
          subscriber.next()
          subscriber.complete()
        }
      })
    })
  }

  #cutOff(): void {
    this.#outcome = 'cut off'
    this.#subscription?.unsubscribe()
  }

  async #follow(pipeline: Observable<unknown>): Promise<void> {
    this.#outcome = undefined
    this.#subscription = pipeline.subscribe({
      error: () => (this.#outcome = 'failed'),
      complete: () => (this.#outcome = 'complete'),
    })
    for (let step = 0; !this.#outcome || this.#underWay.length > 0; step++) {
      if (this.pool.leasedBytes > this.pool.maxBytes) this.broken.add('the pool keeps its bound')
      const choice = this.#plan.schedule[step % this.#plan.schedule.length] ?? 0
      const [operation] = this.#underWay.splice(choice % Math.max(1, this.#underWay.length), 1)
      if (operation) operation()
      // The stream has its turn between two operations.
      else await turn()
    }
  }
}
