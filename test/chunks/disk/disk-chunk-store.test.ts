import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import { describeChunkStore } from '../describe-chunk-store.ts'

// One directory, emptied for each test, because creating 256 shards takes longer than any test in the suite.
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describeChunkStore('disk', async () => {
  for (const shard of await readdir(directory)) {
    for (const file of await readdir(join(directory, shard))) await rm(join(directory, shard, file))
  }
  return DiskChunkStore.open(directory)
})
