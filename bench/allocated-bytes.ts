import { GCProfiler, getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { quartiles } from './samples.ts'

const runs = 50

/**
 * Bytes that one run allocates on this thread once it is warm: objects, and the memory behind
 * buffers.
 */
export async function allocatedBytes(run: () => Promise<unknown>): Promise<number> {
  await run()
  return (await bytesOfObjects(run)) + (await bytesBehindBuffers(run))
}

/** What there is more of afterwards, and what was freed meanwhile. */
async function bytesOfObjects(run: () => Promise<unknown>): Promise<number> {
  const profiler = new GCProfiler()
  profiler.start()
  const before = getHeapStatistics().used_heap_size
  for (let again = 0; again < runs; again++) await run()
  const more = getHeapStatistics().used_heap_size - before
  const freed = profiler
    .stop()
    .statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    )
  return freed.reduce((sum, bytes) => sum + bytes, more) / runs
}

/**
 * Buffers are freed behind the back of everybody who counts, so that a run in which garbage is
 * collected does not count. Throws if it is in every one.
 */
async function bytesBehindBuffers(run: () => Promise<unknown>): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const allocated: number[] = []
  for (let again = 0; again < 4 * runs && allocated.length < 9; again++) {
    collect()
    const profiler = new GCProfiler()
    profiler.start()
    const before = process.memoryUsage().arrayBuffers
    await run()
    const bytes = process.memoryUsage().arrayBuffers - before
    if (profiler.stop().statistics.length === 0) allocated.push(bytes)
  }
  if (allocated.length === 0) throw new Error('garbage was collected in each of the runs')
  return quartiles(allocated).median
}
