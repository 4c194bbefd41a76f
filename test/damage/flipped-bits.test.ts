import { rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Dice } from '../crash/dice.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { BitFlips } from './flip-bits.ts'
import { makeSampleStore } from './sample-store.ts'

const log = (work: string) => join(work, 'catalog.sqlite-wal')

it('a flipped bit of the catalog has nothing wrong sent, and nothing deleted that a rebuild needs', async () => {
  const directory = await temporaryDirectory()
  const flips = new BitFlips(await makeSampleStore(directory, false), join(directory, 'work'))
  const dice = new Dice('flips of the catalog')
  for (let n = 0; n < 40; n++) await flips.flipSomewhere('catalog.sqlite', dice)
  const { refusedToOpen, served, collections } = flips.tally
  await flips.damage('it is something else', (work) =>
    writeFile(join(work, 'catalog.sqlite'), 'something else '.repeat(1000)),
  )
  expect(flips.tally.refusedToOpen).toBe(refusedToOpen + 1)
  expect(served).toBeGreaterThan(0)
  expect(collections).toBeGreaterThan(0)
})

it('a flipped bit of the log, or its loss, is noticed before anything is lost', async () => {
  const directory = await temporaryDirectory()
  const flips = new BitFlips(await makeSampleStore(directory, true), join(directory, 'work'))
  const dice = new Dice('flips of the log')
  for (let n = 0; n < 15; n++) await flips.flipSomewhere('catalog.sqlite-wal', dice)
  const refused = flips.tally.refusedToOpen
  await flips.damage('the log is removed', (work) => rm(log(work)))
  await flips.damage('the log is emptied', (work) => truncate(log(work), 0))
  await flips.damage('the log is cut', (work) => truncate(log(work), 50 * 1024))
  await flips.damage('the catalog is emptied', (work) => truncate(join(work, 'catalog.sqlite'), 0))
  await flips.damage('the catalog is removed', (work) => rm(join(work, 'catalog.sqlite')))
  expect(flips.tally.refusedToOpen).toBe(refused + 5)
})
