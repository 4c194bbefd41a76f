import { add, suite } from 'benny'
import { Samples } from './samples.ts'

export interface PassRounds {
  readonly rounds: number
  /** Samples of each alternative in a round go on for so long. */
  readonly seconds: number
}

/**
 * Microseconds that one pass takes, as benny measures it: the alternatives take turns, so that a
 * machine that is slower for a while is so for all of them.
 */
export async function interleavedPasses<Name extends string>(
  title: string,
  passes: Readonly<Record<Name, () => Promise<unknown>>>,
  { rounds, seconds }: PassRounds,
): Promise<Samples<Name>> {
  const names = Object.keys(passes) as Name[]
  const inTurn = Object.fromEntries(names.map((name) => [name, afterAllBefore(passes[name])]))
  const options = { minSamples: 3, maxTime: seconds }
  // The first round does not count: it is the first time for the code.
  const order = Array.from({ length: rounds + 1 }, (_, round) =>
    round % 2 === 0 ? names : names.toReversed(),
  )
  const cases = order.flatMap((ofRound, round) =>
    ofRound.map((name) => add(`${name} ${round}`, () => inTurn[name]!, options)),
  )
  const { results } = await suite(title, ...cases)
  const times = new Map(results.map(({ name, details }) => [name, details.median * 1e6]))
  const measured = order.map((ofRound, round) =>
    Object.fromEntries(ofRound.map((name) => [name, times.get(`${name} ${round}`)])),
  )
  return new Samples(measured.slice(1) as Record<Name, number>[])
}

let lastPass: Promise<unknown> = Promise.resolve()

/**
 * Benny calls a case to see what it returns, without waiting: passes that share buffers must not
 * meet.
 */
function afterAllBefore(pass: () => Promise<unknown>): () => Promise<unknown> {
  return () => (lastPass = lastPass.then(pass))
}
