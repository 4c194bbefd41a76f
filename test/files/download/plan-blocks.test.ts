import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { planBlocks, type PlannedBlock } from '../../../src/files/download/plan-blocks.ts'
import type { FileChunk } from '../../../src/model/chunk.ts'
import { blockBytes } from '../../../src/model/digest.ts'
import { defaultSpace, type StoredFile } from '../../../src/model/file.ts'
import { aChunk, aFile } from '../../catalog/fixtures.ts'
import { runs } from '../../support/runs.ts'

let catalog: SqliteCatalog

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  catalog = await SqliteCatalog.open(join(directory, 'catalog.sqlite'))
  return async () => {
    await catalog.close()
    await rm(directory, { recursive: true })
  }
})

afterEach(() => vi.restoreAllMocks())

/** A file of chunks with these sizes, of which only the catalog knows. */
async function fileOf(sizes: readonly number[]): Promise<StoredFile> {
  const chunks = sizes.map((size) =>
    aChunk({ size, blockDigests: randomBytes(32 * Math.ceil(size / blockBytes)) }),
  )
  return (await catalog.createFile(aFile(defaultSpace, 'planned', { chunks }))).file
}

/** From the first byte to the one behind the last. */
interface Span {
  readonly block: readonly [number, number]
  readonly wanted: readonly [number, number]
}

/** The bytes of the file that each block is, and those of them that are wanted. */
async function planned(file: StoredFile, start: number, end: number): Promise<readonly Span[]> {
  const blocks: PlannedBlock[] = []
  for await (const block of planBlocks(catalog, file, { start, end })) blocks.push(block)
  expect(blocks.map(({ until }) => until)).toEqual(blocks.map(({ chunk }) => endOfLast(blocks, chunk)))
  return blocks.map(spanOf)
}

/** Where in the chunk the last of its blocks ends. */
function endOfLast(blocks: readonly PlannedBlock[], chunk: FileChunk): number {
  const { offset, length } = blocks.findLast((block) => block.chunk.start === chunk.start)!
  return offset + length
}

function spanOf({ chunk, offset, length, from, to }: PlannedBlock): Span {
  const begin = chunk.start + offset
  return { block: [begin, begin + length], wanted: [begin + from, begin + to] }
}

const B = blockBytes
const sizes = [2.5 * B, 2.5 * B, 100, B, 1]
const size = 6 * B + 101

it.each([
  ['the first byte', 0, 1, [{ block: [0, B], wanted: [0, 1] }]],
  ['the last byte', size - 1, size, [{ block: [size - 1, size], wanted: [size - 1, size] }]],
  ['some of a block', B + 5, B + 9, [{ block: [B, 2 * B], wanted: [B + 5, B + 9] }]],
  ['exactly a block', B, 2 * B, [{ block: [B, 2 * B], wanted: [B, 2 * B] }]],
  [
    'some across the end of a block',
    B - 1,
    B + 1,
    [
      { block: [0, B], wanted: [B - 1, B] },
      { block: [B, 2 * B], wanted: [B, B + 1] },
    ],
  ],
  [
    'some across the end of a chunk, and so of a short block',
    2.5 * B - 1,
    2.5 * B + 1,
    [
      { block: [2 * B, 2.5 * B], wanted: [2.5 * B - 1, 2.5 * B] },
      { block: [2.5 * B, 3.5 * B], wanted: [2.5 * B, 2.5 * B + 1] },
    ],
  ],
  [
    'some that hold all of a chunk',
    5 * B - 1,
    5 * B + 101,
    [
      { block: [4.5 * B, 5 * B], wanted: [5 * B - 1, 5 * B] },
      { block: [5 * B, 5 * B + 100], wanted: [5 * B, 5 * B + 100] },
      { block: [5 * B + 100, 6 * B + 100], wanted: [5 * B + 100, 5 * B + 101] },
    ],
  ],
  ['none', 17, 17, []],
])('%s', async (_, start, end, expected) => {
  expect(await planned(await fileOf(sizes), start, end)).toEqual(expected)
})

it('has each wanted byte once, in order, in blocks that lie in one chunk, none without need', async () => {
  const chunkSize = fc.oneof(
    fc.integer({ min: 1, max: 10 }),
    fc.integer({ min: 1, max: 3 * B }),
    fc.constant(B),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunkSize, { minLength: 1, maxLength: 150 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (chunkSizes, one, two) => {
        const file = await fileOf(chunkSizes)
        const [start, end] = [Math.round(one * file.size), Math.round(two * file.size)].toSorted(
          (a, b) => a - b,
        )
        const spans = await planned(file, start ?? 0, end ?? 0)
        let at = start ?? 0
        for (const { block, wanted } of spans) {
          expect(wanted[0]).toBe(at)
          expect(wanted[0]).toBeGreaterThanOrEqual(block[0])
          expect(wanted[1]).toBeGreaterThan(wanted[0])
          expect(wanted[1]).toBeLessThanOrEqual(block[1])
          at = wanted[1]
        }
        expect(at).toBe(end)
        expect(spans.map(({ block }) => block)).toEqual(
          blocksOf(chunkSizes).filter(
            ([from, to]) => from < (end ?? 0) && to > (start ?? 0) && start !== end,
          ),
        )
      },
    ),
    { numRuns: runs(40) },
  )
})

describe('the chunk list', () => {
  it('is asked for as blocks are, a page at a time, each twice as long as the one before up to a bound', async () => {
    const file = await fileOf(Array.from({ length: 40 }, () => 10))
    const listChunks = vi.spyOn(catalog, 'listChunks')
    const blocks = planBlocks(catalog, file, { start: 0, end: file.size })
    expect(listChunks).not.toHaveBeenCalled()
    for (const [taken, pages] of [
      [2, 1],
      [1, 2],
      [3, 2],
      [1, 3],
      [7, 3],
      [1, 4],
      [15, 4],
      [1, 5],
      [9, 5],
    ] as const) {
      for (let block = 0; block < taken; block++) expect((await blocks.next()).done).toBe(false)
      expect(listChunks).toHaveBeenCalledTimes(pages)
    }
    expect((await blocks.next()).done).toBe(true)
    expect(listChunks).toHaveBeenCalledTimes(5)
  })

  it('with a hole in it is damage, once what is before it has come', async () => {
    const file = { ...(await fileOf([100, 100])), size: 300 }
    const blocks = planBlocks(catalog, file, { start: 150, end: 250 })
    expect(spanOf((await blocks.next()).value as PlannedBlock)).toEqual({
      block: [100, 200],
      wanted: [150, 200],
    })
    await expect(blocks.next()).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('of a file that is gone is damage', async () => {
    const file = { ...(await fileOf([100])), id: aFile(defaultSpace, 'other').id }
    await expect(planned(file, 0, 100)).rejects.toMatchObject({ code: 'corrupt' })
  })
})

/** All blocks of chunks with these sizes, as bytes of the file. */
function blocksOf(chunkSizes: readonly number[]): readonly (readonly [number, number])[] {
  let start = 0
  return chunkSizes.flatMap((chunkSize) => {
    const begin = start
    start += chunkSize
    return Array.from({ length: Math.ceil(chunkSize / B) }, (_, index) => {
      const from = begin + index * B
      return [from, Math.min(from + B, begin + chunkSize)] as const
    })
  })
}
