import { defineConfig } from 'vitest/config'
import { fastStart } from '../support/fast-start.ts'

export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    globalSetup: ['tools/bundle-sources.mjs', 'test/cluster/ceph-setup.ts'],
    execArgv: [...fastStart],
    // A cluster on few cores that has just lost a part of itself takes its time.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Some stop what others need.
    fileParallelism: false,
  },
})
