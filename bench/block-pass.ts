import { EMPTY, Observable } from 'rxjs'
import { concatMapEager } from '../src/rx/concat-map-eager.ts'
import { Pulled } from '../src/rx/pulled.ts'

/**
 * One pass over blocks, all of a size: they are read side by side into the buffers and written in
 * order.
 */
export interface BlockPass {
  readonly blocks: number
  /** Reused round and round; as many blocks are held at once. */
  readonly buffers: readonly Buffer[]
  /** Fills the buffer, and then calls `done`, later. */
  readonly read: (block: number, into: Buffer, done: (error: Error | null) => void) => void
  readonly write: (block: Buffer) => void
}

/** As a download does it. */
export function passByOperator({ blocks, buffers, read, write }: BlockPass): Promise<void> {
  const free = [...buffers]
  const readBlock = (block: number) =>
    new Observable<Buffer>((subscriber) => {
      const buffer = takeFrom(free)
      read(block, buffer, (error) => {
        if (error) subscriber.error(error)
        else {
          subscriber.next(buffer)
          subscriber.complete()
        }
      })
    })
  const writeBlock = (buffer: Buffer) => {
    write(buffer)
    free.push(buffer)
    return EMPTY
  }
  const wanted = new Pulled(numbersBelow(blocks))
  return new Promise((resolve, reject) => {
    wanted
      .pipe(concatMapEager(buffers.length, readBlock, writeBlock, wanted.pull))
      .subscribe({ complete: resolve, error: reject })
  })
}

/**
 * The same by hand, a sliding window with callbacks: nothing that goes through pipelines can cost
 * less.
 */
export function passByLoop({ blocks, buffers, read, write }: BlockPass): Promise<void> {
  const free = [...buffers]
  const ready: (Buffer | undefined)[] = buffers.map(() => undefined)
  let started = 0
  let written = 0
  return new Promise((resolve, reject) => {
    const start = () => {
      const block = started++
      const buffer = takeFrom(free)
      read(block, buffer, (error) => {
        if (error) {
          reject(error)
          return
        }
        ready[block % ready.length] = buffer
        writeReady()
      })
    }
    const writeReady = () => {
      for (let buffer = ready[written % ready.length]; buffer; buffer = ready[written % ready.length]) {
        ready[written % ready.length] = undefined
        write(buffer)
        free.push(buffer)
        written++
        if (started < blocks) start()
      }
      if (written === blocks) resolve()
    }
    while (started < Math.min(blocks, buffers.length)) start()
  })
}

export function* numbersBelow(end: number): Generator<number> {
  for (let number = 0; number < end; number++) yield number
}

function takeFrom(free: Buffer[]): Buffer {
  const buffer = free.pop()
  if (!buffer) throw new Error('more blocks are held than there are buffers')
  return buffer
}
