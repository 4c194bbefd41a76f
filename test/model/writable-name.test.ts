import { expect, it } from 'vitest'
import { writableName } from '../../src/model/writable-name.ts'

it.each(['a', 'a/b.txt', 'n'.repeat(255), `${'n'.repeat(255)}/${'ü'.repeat(127)}`])(
  'a name that can be written stays as it is: %s',
  (name) => {
    expect(writableName(name)).toBe(name)
  },
)

it.each([
  ['n'.repeat(256), /^n{246}~[\da-f]{8}$/],
  [`${'n'.repeat(1020)}.jpg`, /^n{242}~[\da-f]{8}\.jpg$/],
  [`${'🪨'.repeat(200)}.jpg`, /^(?:🪨){60}~[\da-f]{8}\.jpg$/u],
  [`a.${'e'.repeat(300)}`, /^a\.e{244}~[\da-f]{8}$/],
  [`folder/${'n'.repeat(300)}/x`, /^folder\/n{246}~[\da-f]{8}\/x$/],
])('a segment of more than 255 bytes is cut: %s', (name, expected) => {
  expect(writableName(name)).toMatch(expected)
  for (const segment of writableName(name).split('/')) {
    expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(255)
  }
})

it('segments that begin alike are told apart', () => {
  const [one, other] = ['x', 'y'].map((end) => writableName('n'.repeat(300) + end))
  expect(one).not.toBe(other)
})
