import { setTimeout as wait } from 'node:timers/promises'

/**
 * Resolves when the condition holds, which it looks at every 50 ms. Rejects, saying what was waited
 * for, when that takes too long.
 */
export async function until(
  what: string,
  timeoutMs: number,
  condition: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms, in vain: ${what}`)
    await wait(50)
  }
}
