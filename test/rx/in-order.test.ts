import fc from 'fast-check'
import { from, lastValueFrom, toArray } from 'rxjs'
import { expect, it } from 'vitest'
import { inOrder } from '../../src/rx/in-order.ts'
import { marbles } from '../support/marbles.ts'

it(
  'emits each value as soon as all before it have been',
  marbles(({ hot, expectObservable, expectSubscriptions }) => {
    const source = hot('-1----0----3-2----4-|')
    const subs = '      ^-------------------!'
    const expected = '  ------(01)---(23)-4-|'
    expectObservable(source.pipe(inOrder(Number))).toBe(expected)
    expectSubscriptions(source.subscriptions).toBe(subs)
  }),
)

it(
  'passes an error at once, whatever is early',
  marbles(({ hot, expectObservable }) => {
    const source = hot('-0-2-#')
    const expected = '  -0---#'
    expectObservable(source.pipe(inOrder(Number))).toBe(expected)
  }),
)

it(
  'errors when the source completes with a value missing',
  marbles(({ hot, expectObservable }) => {
    const source = hot('-0-2-|')
    const expected = '  -0---#'
    expectObservable(source.pipe(inOrder(Number))).toBe(expected, undefined, new Error('value 1 is missing'))
  }),
)

it(
  'completes without a value, and leaves when its subscriber does',
  marbles(({ hot, expectObservable, expectSubscriptions }) => {
    expectObservable(hot('--|').pipe(inOrder(Number))).toBe('--|')
    const source = hot('-0-1-2-')
    const unsub = '     ----!--'
    const expected = '  -0-1---'
    expectObservable(source.pipe(inOrder(Number)), unsub).toBe(expected)
    expectSubscriptions(source.subscriptions).toBe('^---!')
  }),
)

it('sorts any order', async () => {
  const orders = fc.integer({ min: 0, max: 50 }).chain((size) => {
    const indices = Array.from({ length: size }, (_, index) => index)
    return fc.shuffledSubarray(indices, { minLength: size })
  })
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      const sorted = await lastValueFrom(
        from(order).pipe(
          inOrder((index) => index),
          toArray(),
        ),
      )
      expect(sorted).toEqual(order.toSorted((a, b) => a - b))
    }),
  )
})
