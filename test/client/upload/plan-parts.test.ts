import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mostParts, planParts, type UploadPart } from '../../../src/client/upload/plan-parts.ts'
import { MiB } from '../../http/sample.ts'
import { runs } from '../../support/runs.ts'

const part = (from: number, to: number, offset = 0, id?: string): UploadPart => ({
  from: from * MiB,
  to: to * MiB,
  offset: offset * MiB,
  ...(id !== undefined && { id }),
})

describe('planParts', () => {
  it.each<
    [
      title: string,
      size: number,
      count: number,
      leftovers: readonly UploadPart[],
      expected: readonly UploadPart[],
    ]
  >([
    ['a small file is one part', 5, 4, [], [part(0, 5)]],
    ['parts begin at multiples of 8 MiB', 30, 4, [], [part(0, 8), part(8, 16), part(16, 24), part(24, 30)]],
    ['a large file is cut in as many as asked for', 96, 3, [], [part(0, 32), part(32, 64), part(64, 96)]],
    [
      'what is left over stays',
      32,
      2,
      [part(16, 32, 5, 'a')],
      [part(0, 8), part(8, 16), part(16, 32, 5, 'a')],
    ],
    [
      'what has nothing yet stays: it may have some by now',
      16,
      1,
      [part(8, 16, 0, 'a')],
      [part(0, 8), part(8, 16, 0, 'a')],
    ],
    [
      'of two at the same place the fuller one stays',
      8,
      1,
      [part(0, 8, 1, 'a'), part(0, 8, 2, 'b')],
      [part(0, 8, 2, 'b')],
    ],
    [
      'what overlaps is left out',
      24,
      1,
      [part(0, 16, 1, 'a'), part(8, 24, 9, 'b')],
      [part(0, 16, 1, 'a'), part(16, 24)],
    ],
    ['what goes past the end is left out', 8, 1, [part(0, 16, 9, 'a')], [part(0, 8)]],
    [
      'behind an odd end parts are aligned again',
      20,
      2,
      [part(0, 3, 1, 'a')],
      [part(0, 3, 1, 'a'), part(3, 16), part(16, 20)],
    ],
  ])('%s', (_, size, count, leftovers, expected) => {
    expect(planParts(size * MiB, count, leftovers)).toEqual(expected)
  })

  it('covers the file without gap or overlap in parts that one request can name, whatever is left over', () => {
    const leftover = fc.record({
      from: fc.nat(4000).map((at) => at * MiB),
      to: fc.nat(4100).map((at) => at * MiB - (at % 3)),
      offset: fc.nat(3),
      id: fc.uuid(),
    })
    const run = fc.property(
      fc.integer({ min: 1, max: 4000 * MiB }),
      fc.integer({ min: 1, max: 2000 }),
      fc.array(leftover, { maxLength: 600, size: 'max' }),
      (size, count, leftovers) => {
        const parts = planParts(size, count, leftovers)
        let at = 0
        for (const { from, to } of parts) {
          if (from !== at || to <= from) throw new Error(`gap or overlap at ${at}`)
          at = to
        }
        expect(at).toBe(size)
        expect(parts.length).toBeLessThanOrEqual(mostParts)
      },
    )
    fc.assert(run, { numRuns: runs(100) })
  })
})
