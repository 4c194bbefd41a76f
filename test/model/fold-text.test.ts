import fc from 'fast-check'
import { expect, it } from 'vitest'
import { foldedName, foldText } from '../../src/model/fold-text.ts'
import { runs } from '../support/runs.ts'

it.each([
  ['IMG_1.JPG', 'img_1.jpg'],
  ['MÜLL', 'müll'],
  ['u\u0308', '\u00fc'],
  ['U\u0308', '\u00fc'],
  ['STRASSE', 'straße'],
  ['ΟΔΟΣ', 'οδος'],
  ['οδοσ', 'οδος'],
  ['МОСКВА', 'москва'],
  ['\ufb01x', 'FIX'],
  ['\u212a', 'k'],
  ['\uff21', 'a'],
  ['Å', '\u212b'],
  ['\u1e9b\u0323', '\u1e69'],
  ['\uac00', '\u1100\u1161'],
])('%s and %s fold to the same', (one, other) => {
  expect(foldText(one)).toBe(foldText(other))
})

it.each([
  ['e', 'é'],
  ['o', 'ø'],
  ['a', 'ä'],
  ['ο', 'o'],
])('%s and %s stay different', (one, other) => {
  expect(foldText(one)).not.toBe(foldText(other))
})

it('has nothing to keep of a name that is folded', () => {
  expect(foldedName('photos/2026/a b.jpg')).toBeNull()
  expect(foldedName('A')).toBe('a')
})

it('changes nothing when it is done again, of any text and whatever its form', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
      const folded = foldText(text)
      expect(foldText(folded)).toBe(folded)
      expect(foldText(text.normalize('NFD'))).toBe(folded)
      expect(foldText(text.toLowerCase())).toBe(foldText(text.toLowerCase().normalize('NFC')))
      expect(folded.isWellFormed()).toBe(true)
    }),
    { numRuns: runs(2000) },
  )
})
