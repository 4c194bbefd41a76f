import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../src/buffers/buffer-pool.ts'
import { isTuned } from '../../src/system/tuning.ts'
import { adviseHugePages } from '../../src/system/advise-huge-pages.ts'

const MiB = 1024 * 1024
/** Kernels can be built without. */
const isThere = isTuned() && existsSync('/sys/kernel/mm/transparent_hugepage')

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Of this process, as the kernel tells it. */
async function advisedBytes(): Promise<number> {
  const maps = (await readFile('/proc/self/smaps', 'utf8')).split(/^(?=[\da-f]+-[\da-f]+ )/m)
  const advised = maps.filter((map) => /^VmFlags:.* hg\b/m.test(map))
  return advised.reduce((sum, map) => sum + Number(/^Size: *(\d+) kB$/m.exec(map)![1]) * 1024, 0)
}

describe.runIf(process.platform === 'linux')('memory', () => {
  it('is marked for large pages, all of it', async () => {
    const before = await advisedBytes()
    const memory = new SharedArrayBuffer(16 * MiB, { maxByteLength: 16 * MiB })
    expect(adviseHugePages(memory)).toBe(isThere)
    expect((await advisedBytes()) - before).toBe(isThere ? memory.byteLength : 0)
    const bytes = Buffer.from(memory)
    expect(bytes.every((byte) => byte === 0)).toBe(true)
    bytes.fill(7)
    expect(bytes.every((byte) => byte === 7)).toBe(true)
  })

  it('of a pool is', async () => {
    // Memory of pools that are gone must not be taken back in between.
    collectGarbage()
    const before = await advisedBytes()
    const pool = new BufferPool(32 * MiB)
    const lease = pool.tryLease(MiB)!
    const after = await advisedBytes()
    lease.release()
    expect(after - before).toBeGreaterThanOrEqual(isThere ? 32 * MiB : 0)
  })
})
