import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Slabs } from '../../src/buffers/slabs.ts'
import { runs } from '../support/runs.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** As many slabs as these buffers lie in. */
function slabsOf(buffers: readonly Buffer[]): number {
  const buffersOf = Map.groupBy(buffers, ({ buffer }) => buffer)
  const starts = [...buffersOf.values()].map(
    (some) => new Set(some.map(({ byteOffset }) => Math.floor(byteOffset / MiB))),
  )
  return starts.reduce((sum, { size }) => sum + size, 0)
}

function take(slabs: Slabs, count: number, size: number): readonly Buffer[] {
  return Array.from({ length: count }, () => slabs.take(size))
}

describe('Slabs', () => {
  it('never lends a byte twice, whatever comes back when', () => {
    const step = fc.oneof(
      fc.record({ size: fc.constantFrom(3, 16 * KiB, 64 * KiB, MiB, 3 * MiB) }),
      fc.record({ back: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const slabs = new Slabs(3 * MiB)
        const lent: { readonly bytes: Buffer; readonly mark: number }[] = []
        const wrong: string[] = []
        for (const [nth, taken] of steps.entries()) {
          if ('size' in taken) {
            const bytes = slabs.take(taken.size)
            if (bytes.length !== taken.size) wrong.push(`${bytes.length} bytes instead of ${taken.size}`)
            lent.push({ bytes: bytes.fill(nth % 251), mark: nth % 251 })
          } else if (lent.length > 0) {
            const at = taken.back % lent.length
            const { bytes, mark } = lent[at]!
            if (!bytes.every((byte) => byte === mark)) wrong.push('bytes are shared')
            slabs.giveBack(bytes)
            lent.splice(at, 1)
          }
        }
        expect(wrong).toEqual([])
      }),
      { numRuns: runs(50) },
    )
  })

  it('cuts small buffers from one slab, and uses it for large ones when all are back', () => {
    const slabs = new Slabs(4 * MiB)
    const small = take(slabs, 16, 64 * KiB)
    expect(slabsOf(small)).toBe(1)
    for (const bytes of small) slabs.giveBack(bytes)
    expect(slabsOf([...small, slabs.take(MiB)])).toBe(1)
  })

  it('fills slabs that are begun before others, so that those become whole', () => {
    const slabs = new Slabs(4 * MiB)
    const small = take(slabs, 32, 64 * KiB)
    for (const bytes of [small[3]!, small[20]!, small[21]!]) slabs.giveBack(bytes)
    expect(slabsOf([...small, ...take(slabs, 3, 64 * KiB)])).toBe(2)
  })

  it('lends a large buffer also where small ones are left in every slab, and then drops the slab that is too many', () => {
    const slabs = new Slabs(2 * MiB)
    const small = take(slabs, 32, 64 * KiB)
    for (const [nth, bytes] of small.entries()) if (nth % 16 > 0) slabs.giveBack(bytes)
    const large = slabs.take(MiB)
    expect(slabsOf([...small, large])).toBe(3)
    slabs.giveBack(large)
    expect(slabs.take(MiB).buffer).not.toBe(large.buffer)
  })

  it('has a slab in reserve for each 32, for a large buffer while small ones are left in every slab', () => {
    const slabs = new Slabs(32 * MiB)
    const small = take(slabs, 32 * 16, 64 * KiB)
    for (const [nth, bytes] of small.entries()) if (nth % 16 > 0) slabs.giveBack(bytes)
    for (let again = 0; again < 3; again++) {
      const large = slabs.take(MiB)
      expect(slabsOf([...small, large])).toBe(33)
      expect(large.buffer).toBe(small[0]!.buffer)
      slabs.giveBack(large)
    }
  })
})
