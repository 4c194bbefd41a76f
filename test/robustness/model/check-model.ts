import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expectNoLeftovers } from '../expect-no-leftovers.ts'
import { commands } from './arbitraries.ts'
import { empty } from './state.ts'
import { System } from './system.ts'

export interface ModelRuns {
  readonly runs: number
  /** Another one each time, unless given. */
  readonly seed?: number
  readonly mostCommands: number
  /** What has not begun by then is left out, and what has failed is not made shorter any more. */
  readonly timeLimitMs: number
}

/**
 * Plays random plans against a server, and fails with the shortest in which it says anything that
 * the model does not.
 */
export async function checkModel({ runs, seed, mostCommands, timeLimitMs }: ModelRuns): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-'))
  const system = await System.open(directory)
  const plan = fc.commands(commands, { maxCommands: mostCommands, size: 'max' })
  let playing: Promise<void> | undefined
  const play = async (planned: Parameters<typeof fc.asyncModelRun>[1]) => {
    await system.clear()
    await fc.asyncModelRun(() => ({ model: { state: empty }, real: system }), planned)
    await expectNoLeftovers(system.server.store)
  }
  const property = fc.asyncProperty(plan, (planned) => (playing = play(planned)))
  try {
    const options = {
      numRuns: runs,
      interruptAfterTimeLimit: timeLimitMs,
      ...(seed !== undefined && { seed }),
    }
    await fc.assert(property, options)
  } finally {
    // At the time limit fast-check leaves a plan to itself, which may just be opening the store
    // again.
    await playing?.catch(() => undefined)
    await system.server.stop()
    await rm(directory, { recursive: true })
  }
}
