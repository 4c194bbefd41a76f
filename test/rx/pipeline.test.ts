import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PipelineRun } from './pipeline-run.ts'
import { runs } from '../support/runs.ts'

const few = fc.integer({ min: 1, max: 4 })

const plan = fc.record({
  chunkBytes: fc.integer({ min: 1, max: 16 }),
  pieceBytes: fc.integer({ min: 1, max: 8 }),
  storing: few,
  holding: few,
  reading: few,
  parts: fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 }),
  schedule: fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 20 }),
})

describe('An upload and a download through one pool', () => {
  it('give back what was put in, within the bound, in every order of reads and writes', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const run = new PipelineRun(given)
        await expect(run.run()).resolves.toBe('complete')
        expect(Buffer.concat(run.received)).toEqual(Buffer.concat(given.parts))
        expect([...run.broken]).toEqual([])
        expect(run.pool.leasedBytes).toBe(0)
        expect(run.pool.waiting).toBe(0)
      }),
      { numRuns: runs(200) },
    )
  })

  it('keep no lease, and give no wrong bytes, whatever fails or is cut off', async () => {
    const fault = fc.record({
      kind: fc.constantFrom('fail' as const, 'cut-off' as const),
      at: fc.nat({ max: 40 }),
    })
    const outcomes = new Set<string>()
    await fc.assert(
      fc.asyncProperty(plan, fault, async (given, breaks) => {
        const run = new PipelineRun({ ...given, fault: breaks })
        outcomes.add(await run.run())
        const received = Buffer.concat(run.received)
        expect(received).toEqual(Buffer.concat(given.parts).subarray(0, received.length))
        expect([...run.broken]).toEqual([])
        expect(run.pool.leasedBytes).toBe(0)
        expect(run.pool.waiting).toBe(0)
      }),
      { numRuns: runs(400) },
    )
    expect([...outcomes].sort()).toEqual(['complete', 'cut off', 'failed'])
  })
})
