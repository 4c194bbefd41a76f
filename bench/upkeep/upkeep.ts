import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { collectGarbage } from '../../src/files/upkeep/collect-garbage.ts'
import { deleteFile } from '../../src/files/manifests/update-file.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { findOrphans } from '../../src/files/upkeep/find-orphans.ts'
import { Scrub } from '../../src/files/upkeep/scrub.ts'
import { systemClock } from '../../src/files/upkeep/throttle.ts'
import { startBenchServer } from '../bench-server.ts'
import { inTemporaryDirectory } from '../in-temporary-directory.ts'
import { comparison, interleaved, type Measure } from '../interleaved.ts'
import type { Row, RunScale } from '../row.ts'
import { addChunks, withStoreIn } from './store-with-chunks.ts'
import { localCaller } from '../../src/model/principal.ts'

const suite = 'upkeep'
const scrubIntervalMs = 1000

/** What is done with a store as a whole: starting, verifying, collecting. */
export function upkeep({ isShort }: RunScale): Promise<readonly Row[]> {
  const chunks = isShort ? 2000 : 100_000
  return inTemporaryDirectory(async (directory) => {
    const [full, empty] = [join(directory, 'full'), join(directory, 'empty')]
    await mkdir(full)
    await mkdir(empty)
    const names = await withStoreIn(full, (store) => addChunks(store, full, chunks))
    const described = { suite, against: 'an empty store', unit: 'ms' }
    const starts = await interleaved(
      { full: msToStart(full), empty: msToStart(empty) },
      { rounds: isShort ? 1 : 9 },
    )
    const count = `${chunks.toLocaleString('en')} chunks`
    return withStoreIn(full, async (store) => [
      comparison(starts, 'full', 'empty', { ...described, work: `start the server, ${count}` }),
      await once(`verify ${count} of 1 KiB`, () => scrub(store, chunks)),
      await once(`look for orphans among ${count}`, () => lookForOrphans(store)),
      await once(`collect where nothing is to be collected, ${count}`, () => collect(store, 0)),
      await once(`collect ${count} of deleted files`, async () => {
        for (const name of names) await deleteFile(store, localCaller, { name })
        // What was unlinked in this very millisecond is for the next collection.
        await wait(2)
        await collect(store, chunks)
      }),
    ])
  })
}

async function once(work: string, run: () => Promise<void>): Promise<Row> {
  const begun = performance.now()
  await run()
  return { suite, work, against: 'nothing', unit: 's', ours: (performance.now() - begun) / 1000 }
}

function msToStart(store: string): Measure {
  return async () => {
    const begun = performance.now()
    const server = await startBenchServer(store)
    const ms = performance.now() - begun
    await server.stop()
    return ms
  }
}

async function scrub(store: FileStore, chunks: number): Promise<void> {
  let checked = 0
  const report = {
    checked: () => {
      checked++
    },
    found: () => {
      throw new Error('a chunk is damaged')
    },
  }
  // By its clock all chunks are due, each once.
  const now = Date.now() + 2 * scrubIntervalMs
  const clock = { ...systemClock, now: () => now }
  const scrubbing = new Scrub(store, { scrubRate: Infinity, scrubIntervalMs }, report, clock)
  await scrubbing.run(new AbortController().signal)
  if (checked !== chunks) throw new Error(`${checked} chunks were verified, of ${chunks}`)
}

async function lookForOrphans(store: FileStore): Promise<void> {
  const { orphans } = await findOrphans(store)
  if (orphans > 0) throw new Error(`${orphans} orphans were found`)
}

async function collect(store: FileStore, expected: number): Promise<void> {
  const { chunks } = await collectGarbage(store)
  if (chunks !== expected) throw new Error(`${chunks} chunks were collected, of ${expected}`)
}
