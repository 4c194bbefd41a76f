import type { EventEmitter } from 'node:events'

/**
 * A terminal sends its signal to npm and to the server, and npm passes it on: within this time, it
 * is the same one.
 */
export const repeatMs = 1000

const names = ['SIGINT', 'SIGTERM'] as const
export type StopSignal = (typeof names)[number]

/**
 * Resolves with the first signal that stops the server. A repeat within a second is the same
 * signal; each later one calls `onAnother`.
 */
export function stopSignal(
  source: EventEmitter,
  onAnother: (signal: StopSignal) => void,
  now: () => number = () => performance.now(),
): Promise<StopSignal> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    const receive = (signal: StopSignal) => {
      if (firstAt === undefined) {
        firstAt = now()
        resolve(signal)
      } else if (now() - firstAt > repeatMs) {
        onAnother(signal)
      }
    }
    for (const name of names) source.on(name, () => receive(name))
  })
}
