import { defineConfig } from 'vitest/config'
import { fastStart } from '../support/fast-start.ts'

/** Their properties are tried more often here: see test/support/runs.ts. */
const properties = [
  'test/buffers/*.test.ts',
  'test/catalog/sqlite-catalog.test.ts',
  'test/chunks/**/*.test.ts',
  'test/client/{upload/plan-parts,download/read-file}.test.ts',
  'test/files/download/{download,plan-blocks}.test.ts',
  'test/hashing/*.test.ts',
  'test/http/headers/*.test.ts',
  'test/http/names.test.ts',
  'test/model/*.test.ts',
  'test/rx/*.test.ts',
  'test/streams/*.test.ts',
]

export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts', ...properties],
    env: { FULL_RUNS: '1' },
    globalSetup: ['tools/bundle-sources.mjs'],
    execArgv: [...fastStart],
    // A net against hangs: the tests wait for conditions, however slow the machine is.
    testTimeout: 600_000,
    hookTimeout: 60_000,
    // Each test keeps both cores busy.
    fileParallelism: false,
  },
})
