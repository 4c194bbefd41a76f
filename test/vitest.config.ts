import { defineConfig } from 'vitest/config'
import { fastStart } from './support/fast-start.ts'

// Workers keep all modules and results, while buffers die young. By default, marking what stays
// takes a tenth of all CPU time.
const rareCollections = [
  '--initial-heap-size=256',
  '--external-memory-accounted-in-global-limit',
  '--max-semi-space-size=64',
  '--min-semi-space-size=32',
]

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They take minutes, or servers of others, and have configurations of their own.
    exclude: ['test/long/**', 'test/cluster/**'],
    globalSetup: ['tools/bundle-sources.mjs', 'test/support/temporary-in-memory.ts'],
    execArgv: [...rareCollections, ...fastStart],
    // Only against tests that hang: they wait for conditions, and machines may be busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { interval: 5, timeout: 60_000 } },
    reporters: ['default', './test/slowest-files.ts'],
    // Most of a file's time would be the start of a worker and of everything that it imports.
    isolate: false,
    maxWorkers: 2,
  },
})
