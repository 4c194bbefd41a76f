import { lastValueFrom, Observable, of, Subject, throwError, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { batchMap } from '../../src/rx/batch-map.ts'

/** Manifests each batch; `end` ends the work on it. */
function recorder() {
  const batches: {
    readonly batch: readonly number[]
    readonly isLast: boolean
    readonly end: Subject<string>
  }[] = []
  const work = (batch: readonly number[], isLast: boolean) => {
    const end = new Subject<string>()
    batches.push({ batch, isLast, end })
    return end
  }
  const shown = () => batches.map(({ batch, isLast }) => `${batch.join()}${isLast ? '|' : ''}`)
  return { batches, work, shown }
}

const broken = (): Observable<never> => {
  throw new Error('broken')
}
const always = () => true
const never = () => false
/** All microtasks that are due have run. */
const looked = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('batches', () => {
  it('collect what comes while an earlier one is worked on', async () => {
    const source = new Subject<number>()
    const { batches, work, shown } = recorder()
    source.pipe(batchMap(always, work)).subscribe()
    source.next(1)
    await looked()
    source.next(2)
    source.next(3)
    await looked()
    expect(shown()).toEqual(['1'])
    batches[0]?.end.complete()
    await looked()
    expect(shown()).toEqual(['1', '2,3'])
  })

  it('wait until they are due', async () => {
    const source = new Subject<number>()
    const { work, shown } = recorder()
    source.pipe(batchMap((batch) => batch.length >= 3, work)).subscribe()
    for (const value of [1, 2]) source.next(value)
    await looked()
    expect(shown()).toEqual([])
    source.next(3)
    await looked()
    expect(shown()).toEqual(['1,2,3'])
  })

  it('put a value and an end that come together into the last one', async () => {
    const { work, shown } = recorder()
    of(1, 2).pipe(batchMap(always, work)).subscribe()
    await looked()
    expect(shown()).toEqual(['1,2|'])
  })

  it.each([
    ['nothing came', [], ['|']],
    ['nothing was due', [1, 2], ['1,2|']],
  ])('end with a last one where %s', async (_, values, expected) => {
    const source = new Subject<number>()
    const { batches, work, shown } = recorder()
    const completed = vi.fn<(error?: unknown) => void>()
    source.pipe(batchMap(never, work)).subscribe({ complete: completed })
    for (const value of values) source.next(value)
    await looked()
    source.complete()
    await looked()
    expect(shown()).toEqual(expected)
    expect(completed).not.toHaveBeenCalled()
    batches[0]?.end.complete()
    expect(completed).toHaveBeenCalledOnce()
  })

  it('have their last one only after all others', async () => {
    const source = new Subject<number>()
    const { batches, work, shown } = recorder()
    source.pipe(batchMap(always, work)).subscribe()
    source.next(1)
    await looked()
    source.next(2)
    source.complete()
    await looked()
    expect(shown()).toEqual(['1'])
    batches[0]?.end.complete()
    await looked()
    expect(shown()).toEqual(['1', '2|'])
  })
})

it('emits what the work emits, in order', async () => {
  const results = lastValueFrom(
    of(1, 2, 3).pipe(
      batchMap(always, (batch, isLast) => of(batch.join(), String(isLast))),
      toArray(),
    ),
  )
  expect(await results).toEqual(['1,2,3', 'true'])
})

describe('an error', () => {
  it('of the source passes at once and ends the work', async () => {
    const source = new Subject<number>()
    const ended = vi.fn<(error?: unknown) => void>()
    const failed = vi.fn<(error?: unknown) => void>()
    source.pipe(batchMap(always, () => new Observable(() => ended))).subscribe({ error: failed })
    source.next(1)
    await looked()
    expect(ended).not.toHaveBeenCalled()
    source.error('broken')
    expect(failed).toHaveBeenCalledWith('broken')
    expect(ended).toHaveBeenCalledOnce()
  })

  it('of the work passes at once and ends the source', async () => {
    const source = new Subject<number>()
    const failed = vi.fn<(error?: unknown) => void>()
    source.pipe(batchMap(always, () => throwError(() => 'broken'))).subscribe({ error: failed })
    source.next(1)
    await looked()
    expect(failed).toHaveBeenCalledWith('broken')
    expect(source.observed).toBe(false)
  })

  it('thrown instead of returned is one of the work', async () => {
    const source = new Subject<number>()
    const failed = vi.fn<(error?: unknown) => void>()
    source.pipe(batchMap(always, broken)).subscribe({ error: failed })
    source.next(1)
    await looked()
    expect(failed).toHaveBeenCalledWith(new Error('broken'))
    expect(source.observed).toBe(false)
  })
})

it('ends source and work when its subscriber leaves, and begins nothing more', async () => {
  const source = new Subject<number>()
  const { batches, work, shown } = recorder()
  const subscription = source.pipe(batchMap(always, work)).subscribe()
  source.next(1)
  await looked()
  source.next(2)
  subscription.unsubscribe()
  await looked()
  expect(source.observed).toBe(false)
  expect(batches[0]?.end.observed).toBe(false)
  expect(shown()).toEqual(['1'])
})
