import { defineConfig } from 'vitest/config'
import { fastStart } from '../support/fast-start.ts'

export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    globalSetup: ['tools/bundle-worker.mjs'],
    execArgv: [...fastStart],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Each test keeps both cores busy.
    fileParallelism: false,
  },
})
