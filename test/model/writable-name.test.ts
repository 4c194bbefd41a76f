import { describe, expect, it } from 'vitest'
import { isImpossibleOnWindows } from '../../src/model/windows-names.ts'
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

describe('on Windows', () => {
  it.each([
    ['a.txt', 'a.txt'],
    ['console.log', 'console.log'],
    ['a:b?.txt', /^a_b_~[\da-f]{8}\.txt$/],
    ['con', /^_con~[\da-f]{8}$/],
    ['x/NUL.tar.gz', /^x\/_NUL\.tar~[\da-f]{8}\.gz$/],
    ['LPT¹ .txt', /^_LPT¹ ~[\da-f]{8}\.txt$/],
    ['a. .', /^a_~[\da-f]{8}$/],
    ['folder./x', /^folder_~[\da-f]{8}\/x$/],
    ['back\\slash', /^back_slash~[\da-f]{8}$/],
    [`${'n'.repeat(300)}?`, /^n{246}~[\da-f]{8}$/],
  ])('a name that it would refuse or change gets one that it does not: %s', (name, expected) => {
    const written = writableName(name, { isWindows: true })
    expect(written).toMatch(expected)
    for (const segment of written.split('/')) expect(isImpossibleOnWindows(segment)).toBe(false)
  })

  it('names that differ in what it cannot have are told apart', () => {
    const [one, other] = ['a:b', 'a?b'].map((name) => writableName(name, { isWindows: true }))
    expect(one).not.toBe(other)
  })
})
