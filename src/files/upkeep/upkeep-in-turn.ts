import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { UpkeepTurns } from '../../catalog/upkeep-turns.ts'

/** What goes on until it is stopped. */
export interface Ongoing {
  stop(): Promise<void>
}

export interface TurnOptions {
  /** Who does not get the turn asks again after so long. */
  readonly retryMs: number
  readonly onError: (error: unknown, doing: string) => void
}

/** Has `begin` do its work while this process has the turn, and stops it when another may have it. */
export function upkeepInTurn(
  turns: UpkeepTurns,
  begin: () => readonly Ongoing[],
  { retryMs, onError }: TurnOptions,
): Ongoing {
  const stopping = new AbortController()
  const { signal } = stopping
  const takeTurn = async () => {
    const turn = await turns.take()
    if (!turn) return
    const ongoing = begin()
    const isOver = AbortSignal.any([turn.signal, signal])
    if (!isOver.aborted) await once(isOver, 'abort')
    await Promise.all(ongoing.map((each) => each.stop()))
    await turn.release()
  }
  const run = async () => {
    while (!signal.aborted) {
      try {
        await takeTurn()
      } catch (error) {
        onError(error, 'taking the turn at collecting and verifying')
      }
      // Only the end of it all cuts the pause short.
      await setTimeout(retryMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
