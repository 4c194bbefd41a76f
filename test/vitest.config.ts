import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They take minutes, and have a configuration of their own.
    exclude: ['test/long/**'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Most of a file's time would be the start of a worker and of everything that it imports.
    isolate: false,
    maxWorkers: 2,
  },
})
