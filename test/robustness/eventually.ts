import { vi } from 'vitest'

/**
 * Resolves with what `look` returns as soon as it does not throw. Rejects with its last error after
 * a minute, which only something that hangs takes: a test must not depend on how fast a busy
 * machine is.
 */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 60_000, interval: 3 })
}
