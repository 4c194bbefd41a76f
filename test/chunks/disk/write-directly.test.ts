import { randomBytes } from 'node:crypto'
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeDirectly } from '../../../src/chunks/disk/write-directly.ts'
import { BufferPool } from '../../../src/buffers/buffer-pool.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** As an upload has them: pieces of the pool's slabs. */
function leased(count: number): readonly Buffer[] {
  const pool = new BufferPool(64 * MiB)
  return Array.from({ length: count }, () => {
    const { bytes } = pool.tryLease(64 * KiB)!
    return bytes.fill(randomBytes(32))
  })
}

/** On a disk: a file system in memory takes direct writes from anywhere. */
async function anEmptyFile(): Promise<string> {
  const path = join(await temporaryDirectory('/var/tmp'), 'chunk')
  await writeFile(path, '')
  return path
}

/**
 * Whether the file system that tests run on takes direct writes at all, from memory that is sure to
 * be at a page.
 */
async function takesDirect(path: string): Promise<boolean> {
  const bytes = Buffer.from(new ArrayBuffer(4 * KiB, { maxByteLength: 4 * KiB }))
  const file = await open(path, 0o40001).catch(() => undefined)
  const isTaken = await file?.write(bytes, 0, bytes.length, 0).then(
    () => true,
    () => false,
  )
  await file?.close()
  return isTaken ?? false
}

describe('writeDirectly', () => {
  it('takes what an upload has from where it is', async () => {
    const path = await anEmptyFile()
    const pieces = leased(4)
    expect(await writeDirectly(path, pieces, undefined)).toBe(await takesDirect(await anEmptyFile()))
    const written = await readFile(path)
    expect(written.length === 0 || written.equals(Buffer.concat(pieces))).toBe(true)
  })

  it.each([
    ['is small', () => [leased(1)[0]!.subarray(0, 60 * KiB)]],
    ['does not end at a page', () => [...leased(4), Buffer.alloc(1)]],
    ['does not begin at one', () => [Buffer.allocUnsafeSlow(2 * MiB).subarray(512, 512 + MiB)]],
  ])('leaves alone what %s', async (_, pieces) => {
    const path = await anEmptyFile()
    expect(await writeDirectly(path, pieces(), undefined)).toBe(false)
    expect((await stat(path)).size).toBe(0)
  })

  it('says that memory which only seems to begin at a page was refused', async () => {
    // Memory from the heap begins behind a header.
    const bytes = Buffer.allocUnsafeSlow(MiB)
    expect(await writeDirectly(await anEmptyFile(), [bytes], undefined)).toBe(false)
  })

  it('rejects what is not there, and an abort', async () => {
    const pieces = leased(4)
    await expect(writeDirectly('/nowhere/at/all', pieces, undefined)).rejects.toMatchObject({
      code: 'ENOENT',
    })
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(writeDirectly(await anEmptyFile(), pieces, aborted)).rejects.toThrow('enough')
  })
})
