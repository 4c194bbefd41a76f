import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pace } from '../../src/files/pace.ts'
import { blockBytes } from '../../src/model/digest.ts'
import { writeTo } from '../../src/rx/write-to.ts'

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

async function written(pace: Pace, output: Writable, sizes: readonly number[]): Promise<void> {
  const write = writeTo(output)
  for (const size of sizes) {
    const done = lastValueFrom(
      pace.timed(
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

describe('a client', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const piece = 16 * 1024
  it.each([
    { is: 'slow before anything is known', takes: [], sizes: [], isFast: false },
    {
      is: 'slow while the system swallows all at once',
      takes: [0, 0, 0],
      sizes: [piece, piece, piece],
      isFast: false,
    },
    { is: 'fast that takes a block in 100 ms', takes: [100], sizes: [blockBytes], isFast: true },
    { is: 'slow that takes a block in 101 ms', takes: [101], sizes: [blockBytes], isFast: false },
    { is: 'fast that takes a piece in 1 ms', takes: [1], sizes: [piece], isFast: true },
    { is: 'slow that takes a piece in 2 ms', takes: [2], sizes: [piece], isFast: false },
    {
      is: 'fast by what was swallowed before the write that waited',
      takes: [0, 0, 4],
      sizes: [piece, piece, piece],
      isFast: true,
    },
    { is: 'slow again once a write takes long', takes: [1, 1000], sizes: [piece, blockBytes], isFast: false },
    { is: 'fast again once a write does not', takes: [1000, 10], sizes: [piece, blockBytes], isFast: true },
  ])('is $is', async ({ takes, sizes, isFast }) => {
    const pace = new Pace()
    await written(pace, sink(takes), sizes)
    expect(pace.isFast).toBe(isFast)
  })
})

it('passes on how a write fails', async () => {
  const output = sink([])
  output.destroy()
  const write = writeTo(output)(Buffer.alloc(1), () => {})
  await expect(lastValueFrom(new Pace().timed(output, 1, write))).rejects.toMatchObject({
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
})
