import { expect, it } from 'vitest'
import { isStoreError, StoreError } from '../../src/model/errors.ts'

it('keeps the code, the message and the cause', () => {
  const cause = new Error('disk')
  const error = new StoreError('no_space', 'Free some space.', { cause })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ name: 'StoreError', code: 'no_space', message: 'Free some space.', cause })
  expect(String(error)).toBe('StoreError: Free some space.')
  expect(new StoreError('internal', 'x')).not.toHaveProperty('cause')
})

it.each([
  [new StoreError('not_found', 'x'), undefined, true],
  [new StoreError('not_found', 'x'), 'not_found', true],
  [new StoreError('not_found', 'x'), 'corrupt', false],
  [Object.assign(new Error('x'), { name: 'StoreError', code: 'not_found' }), undefined, false],
  ['not_found', undefined, false],
  [undefined, undefined, false],
] as const)('%s with code %s: %s', (error, code, expected) => {
  expect(isStoreError(error, code)).toBe(expected)
})
