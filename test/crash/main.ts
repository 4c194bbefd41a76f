/*
 * Crashes servers under load, and checks that nothing acknowledged is lost, nothing deleted is
 * back, and nothing is a mixture.
 *
 * npm run test:crash                                            some rounds of both modes npm run
 * test:crash -- --mode kill --rounds 200                SIGKILL at random moments npm run
 * test:crash -- --mode power-cut --rounds 200 --seed 7  only what was synced survives, and some of
 * the rest npm run test:crash -- --mode cluster                          SIGKILL of nodes over Ceph
 * and PostgreSQL; not among the some
 *
 * What the clients ask for follows from the seed; how far they get before a kill does not.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { clusterRounds } from './cluster-rounds.ts'
import { Failure } from './failure.ts'
import { killRounds, roundsPerStore } from './kill-rounds.ts'
import { powerCutRounds, roundsPerRecording } from './power-cut-rounds.ts'
import { Tally } from './tally.ts'

const modes = {
  kill: { run: killRounds, rounds: 20, roundsTogether: roundsPerStore },
  'power-cut': { run: powerCutRounds, rounds: 20, roundsTogether: roundsPerRecording },
  cluster: { run: clusterRounds, rounds: 10, roundsTogether: roundsPerStore },
}

const { values } = parseArgs({
  options: {
    mode: { type: 'string' },
    rounds: { type: 'string' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
  },
})
const { mode, seed } = values
const chosen = Object.entries(modes).filter(([name]) =>
  mode === undefined ? name !== 'cluster' : mode === name,
)
if (chosen.length === 0) throw new Error(`--mode must be ${Object.keys(modes).join(' or ')}`)

console.log(`seed ${seed}`)
try {
  for (const [name, { run, rounds, roundsTogether }] of chosen) {
    const from = wholeNumber('--from', values.from)
    const to = from + wholeNumber('--rounds', values.rounds ?? String(rounds))
    if (from % roundsTogether !== 0) throw new Error(`--from must be a multiple of ${roundsTogether}`)
    const tally = new Tally()
    await run(seed, from, to, tally)
    console.log(`${name}: ${tally.toString()}`)
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Error(`${option} must be a whole number`)
}
