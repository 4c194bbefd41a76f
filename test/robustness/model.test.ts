import { expect, it } from 'vitest'
import { checkModel } from './model/check-model.ts'

// The same plans every time; `npm run test:long` tries others.
it('the server answers as a map of names would, under faults and concurrency', async () => {
  const checked = checkModel({ runs: 8, seed: 1, mostCommands: 40, timeLimitMs: 100_000 })
  await expect(checked).resolves.toBeUndefined()
})
