import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    globalSetup: ['test/cluster/ceph-setup.ts'],
    // A cluster on few cores that has just lost a part of itself takes its time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Some stop what others need.
    fileParallelism: false,
  },
})
