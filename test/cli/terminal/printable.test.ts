import { expect, it } from 'vitest'
import { printable, printableJson } from '../../../src/cli/terminal/printable.ts'

const hostile = 'a\u001B[2Jb\u009Bc\u202Ed\u2028e\nf'

it.each([
  ['Übermaß 音楽 👩‍💻', 'Übermaß 音楽 👩‍💻'],
  [hostile, 'a\\u001b[2Jb\\u009bc\\u202ed\\u2028e\\u000af'],
  ['in\u200Bvi\u2066si\uFEFFble', 'in\\u200bvi\\u2066si\\ufeffble'],
  ['half \uD83D of one', 'half \\ud83d of one'],
])('%j is shown as %s', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

it('JSON says the same, without what a terminal acts upon', () => {
  const line = printableJson({ name: hostile })
  expect(printable(line)).toBe(line)
  expect(JSON.parse(line)).toEqual({ name: hostile })
})
