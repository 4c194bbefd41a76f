import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClientSpeed } from '../../../src/files/download/client-speed.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { writeTo } from '../../../src/streams/write-to.ts'

/** Takes each write after so many milliseconds, or within the call of `write` after none. */
function sink(takesMs: readonly number[]): Writable {
  const left = [...takesMs]
  return new Writable({
    highWaterMark: 2 * blockBytes,
    write(_piece, _encoding, done) {
      const ms = left.shift() ?? 0
      if (ms === 0) done()
      else setTimeout(done, ms)
    },
  })
}

async function written(speed: ClientSpeed, output: Writable, sizes: readonly number[]): Promise<void> {
  const write = writeTo(output)
  for (const size of sizes) {
    const done = lastValueFrom(
      speed.timed(
        output,
        size,
        write(Buffer.alloc(size), () => {}),
      ),
      { defaultValue: undefined },
    )
    await vi.runAllTimersAsync()
    await done
  }
}

function piecesOf(bytes: number, piece: number): number[] {
  return Array.from({ length: bytes / piece }, () => piece)
}

describe('a client', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const piece = 16 * 1024
  const proven = 8 * blockBytes
  it.each([
    { is: 'slow before anything is known', takes: [], sizes: [], isFast: false },
    {
      is: 'slow while the system swallows all at once',
      takes: [0, 0, 0],
      sizes: [piece, piece, piece],
      isFast: false,
    },
    { is: 'fast that takes a block in 100 ms', takes: [800], sizes: [proven], isFast: true },
    { is: 'slow that takes a block in 101 ms', takes: [801], sizes: [proven], isFast: false },
    {
      is: 'slow before it has taken more than systems swallow',
      takes: [1],
      sizes: [proven - 1],
      isFast: false,
    },
    {
      is: 'fast that takes pieces in 1 ms each',
      takes: piecesOf(proven, piece).map(() => 1),
      sizes: piecesOf(proven, piece),
      isFast: true,
    },
    {
      is: 'slow while all that it took before was swallowed',
      takes: [],
      sizes: [proven, proven],
      isFast: false,
    },
    { is: 'slow that then takes pieces in 2 ms', takes: [1, 2], sizes: [proven, piece], isFast: false },
    {
      is: 'fast by what was swallowed before the write that waited',
      takes: [0, 0, 4],
      sizes: [proven, piece, piece],
      isFast: true,
    },
    {
      is: 'slow again once a write takes long',
      takes: [1, 1000],
      sizes: [proven, blockBytes],
      isFast: false,
    },
    {
      is: 'slow after that until it has taken as much again',
      takes: [1000, 10],
      sizes: [piece, proven - 1],
      isFast: false,
    },
    { is: 'fast once it has', takes: [1000, 10], sizes: [piece, proven], isFast: true },
  ])('is $is', async ({ takes, sizes, isFast }) => {
    const speed = new ClientSpeed()
    await written(speed, sink(takes), sizes)
    expect(speed.isFast).toBe(isFast)
  })
})

it('passes on how a write fails', async () => {
  const output = sink([])
  output.destroy()
  const write = writeTo(output)(Buffer.alloc(1), () => {})
  await expect(lastValueFrom(new ClientSpeed().timed(output, 1, write))).rejects.toMatchObject({
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
})
