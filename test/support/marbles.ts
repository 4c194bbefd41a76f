import { TestScheduler, type RunHelpers } from 'rxjs/testing'
import { expect } from 'vitest'

/** Runs a test in virtual time; what its diagrams say is compared deeply once it has returned. */
export function marbles(test: (helpers: RunHelpers) => void): () => void {
  return () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
    scheduler.run(test)
  }
}
