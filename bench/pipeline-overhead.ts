import { add, suite } from 'benny'
import { passByLoop, passByOperator, type BlockPass } from './block-pass.ts'

export interface Overhead {
  /** Medians over all rounds, for one block. */
  readonly loopUs: number
  readonly operatorUs: number
  /** Operator to loop, each round by itself. */
  readonly ratios: Quartiles
}

export interface Quartiles {
  readonly low: number
  readonly median: number
  readonly high: number
}

const rounds = 9

/**
 * What `concatMapEager` costs over a loop written by hand. The two take turns, so that a machine that is slower
 * for a while is so for both.
 */
export async function pipelineOverhead(name: string, pass: BlockPass): Promise<Overhead> {
  const loop = inTurn(() => passByLoop(pass))
  const operator = inTurn(() => passByOperator(pass))
  const options = { minSamples: 3, maxTime: 0.1 }
  const cases = Array.from({ length: rounds }, (_, round) => [
    add(`loop ${round}`, () => loop, options),
    add(`operator ${round}`, () => operator, options),
  ])
  const { results } = await suite(name, ...cases.flat())
  const perBlockUs = results.map(({ details }) => (details.median / pass.blocks) * 1e6)
  const loopUs = perBlockUs.filter((_, index) => index % 2 === 0)
  const operatorUs = perBlockUs.filter((_, index) => index % 2 === 1)
  return {
    loopUs: quartiles(loopUs).median,
    operatorUs: quartiles(operatorUs).median,
    ratios: quartiles(operatorUs.map((us, round) => us / (loopUs[round] ?? Number.NaN))),
  }
}

let lastPass: Promise<void> = Promise.resolve()

/** Benny calls a case to see what it returns, without waiting: passes that share buffers must not meet. */
function inTurn(pass: () => Promise<void>): () => Promise<void> {
  return () => (lastPass = lastPass.then(pass))
}

function quartiles(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN
  return { low: at(0.25), median: at(0.5), high: at(0.75) }
}
