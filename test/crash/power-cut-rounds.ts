import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkWhenCollected } from './check-store.ts'
import { checkServer } from './check-server.ts'
import { CrashingServer } from './crashing-server.ts'
import { Dice } from './dice.ts'
import { Failure } from './failure.ts'
import { finishUploads } from './finish-uploads.ts'
import { buildShim } from './power-cut/build-shim.ts'
import type { Survives } from './power-cut/pending.ts'
import { Recording } from './power-cut/recording.ts'
import type { Tally } from './tally.ts'

/** Power cuts that are tried on one recording. */
export const roundsPerRecording = 10

/**
 * Each round cuts the power at a random moment of a recorded run, keeps only what was synced by
 * then and, by chance, some of what was not, and checks a server that starts on that. Runs rounds
 * `from`, which must begin a recording, to `to` (exclusive). Throws `Failure`.
 */
export async function powerCutRounds(seed: string, from: number, to: number, tally: Tally): Promise<void> {
  for (let first = from; first < to; first += roundsPerRecording) {
    const last = Math.min(to, first + roundsPerRecording)
    const directory = await mkdtemp(join(tmpdir(), 'ashlar-power-cut-'))
    const dice = new Dice(`${seed}, power cut, from round ${first}`)
    const recording = new Recording(directory, await buildShim(directory), dice)
    let [round, at] = [first, 0]
    try {
      await recording.run()
      const cuts = recording.cuts(last - first)
      let checks = 0
      for await (const cut of cuts) {
        at = cut.at
        const remains = join(directory, `cut-${at}`)
        await cut.writeRemains(remains, survival(dice))
        checks += await checkRemains(recording, recording.storeIn(remains), at)
        await rm(remains, { recursive: true })
        round++
      }
      tally.add(last - first, recording.history.acknowledged, checks)
    } catch (error) {
      const replay = `--mode power-cut --seed ${seed} --from ${first} --rounds ${last - first}`
      throw new Failure(error, `power cut ${round} at ${at}`, replay, directory, recording.history)
    }
    await rm(directory, { recursive: true })
    console.log(
      `power cuts ${first} to ${last - 1}: ${recording.history.acknowledged} operations acknowledged`,
    )
  }
}

/** Resolves with how many files and uploads were checked. */
async function checkRemains({ history, uploads }: Recording, store: string, at: number): Promise<number> {
  await using server = new CrashingServer(store)
  const port = await server.port
  const found = await checkServer(port, history, uploads, at)
  await finishUploads(port, history, found.offsets)
  await checkWhenCollected(store)
  server.expectNoErrors()
  return history.names.length + uploads.length
}

/** Of what was not synced nothing survives, or everything, or some of it, also in sectors. */
function survival(dice: Dice): Survives {
  const percent = dice.pick([0, 0, 100, dice.int(1, 100)])
  return { change: () => dice.percent(percent), isWhole: () => percent === 100 || dice.percent(50) }
}
