import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Dice } from '../crash/dice.ts'
import { BitFlips } from '../damage/flip-bits.ts'
import { makeSampleStore } from '../damage/sample-store.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const seed = process.env['FLIP_SEED'] ?? String(randomInt(2 ** 32))

it.each([
  ['catalog.sqlite', 1600, false],
  ['catalog.sqlite-wal', 500, true],
  ['catalog.sqlite.commits', 100, false],
])(
  `one bit flipped in %s, %i times, has nothing wrong sent and nothing lost (FLIP_SEED=${seed})`,
  async (name, times, hasLog) => {
    const directory = await temporaryDirectory()
    const flips = new BitFlips(await makeSampleStore(directory, hasLog), join(directory, 'work'))
    const dice = new Dice(`${seed} ${name}`)
    for (let n = 0; n < times; n++) await flips.flipSomewhere(name, dice)
    console.log(name, JSON.stringify(flips.tally))
    expect(flips.tally.refusedToOpen + flips.tally.collections).toBe(times)
  },
  1_800_000,
)
