import { vi } from 'vitest'

/** Resolves with what `look` returns as soon as it does not throw; rejects with its last error after ten seconds. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 10_000, interval: 3 })
}
