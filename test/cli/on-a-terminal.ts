import { onTestFinished } from 'vitest'

/** Until the test ends, stderr is taken for a terminal. */
export function onATerminal(): void {
  const { isTTY } = process.stderr
  process.stderr.isTTY = true
  onTestFinished(() => void (process.stderr.isTTY = isTTY))
}
