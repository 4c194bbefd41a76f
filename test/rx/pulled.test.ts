import { EventEmitter, once } from 'node:events'
import { take } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { Pulled } from '../../src/rx/pulled.ts'

const refuse = () => {
  throw new Error('clean-up failed')
}

/** Collects what a source emits, and `|` or the error's message at its end. */
function watch<T>(source: Pulled<T>) {
  const seen: (T | string)[] = []
  const changes = new EventEmitter()
  const subscription = source.subscribe({
    next: (value) => {
      seen.push(value)
      changes.emit('change')
    },
    error: (error: Error) => {
      seen.push(error.message)
      changes.emit('change')
    },
    complete: () => {
      seen.push('|')
      changes.emit('change')
    },
  })
  const until = async (length: number) => {
    while (seen.length < length) await once(changes, 'change')
  }
  return { seen, subscription, until }
}

describe('Pulled', () => {
  it('emits one value for each pull, and none before', () => {
    const source = new Pulled(['a', 'b', 'c'])
    const { seen } = watch(source)
    expect(seen).toEqual([])
    source.pull()
    expect(seen).toEqual(['a'])
    source.pull()
    source.pull()
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  it('takes nothing from the iterable before the first pull', () => {
    let taken = 0
    function* numbers(): Generator<number> {
      for (;;) yield taken++
    }
    const source = new Pulled(numbers())
    watch(source)
    expect(taken).toBe(0)
    source.pull()
    expect(taken).toBe(1)
    source.pull()
    expect(taken).toBe(2)
  })

  it('completes as soon as a pull finds the end, and ignores later ones', () => {
    const source = new Pulled(['a'])
    const { seen } = watch(source)
    source.pull()
    expect(seen).toEqual(['a'])
    source.pull()
    source.pull()
    expect(seen).toEqual(['a', '|'])
  })

  it('completes an empty iterable with the first pull', () => {
    const source = new Pulled([])
    const { seen } = watch(source)
    expect(seen).toEqual([])
    source.pull()
    expect(seen).toEqual(['|'])
  })

  it('remembers pulls made while it awaits a value', async () => {
    const given = new EventEmitter()
    const values = async function* (): AsyncGenerator<string> {
      for (const value of ['a', 'b', 'c', 'd']) {
        await once(given, value)
        yield value
      }
    }
    const source = new Pulled(values())
    const { seen, until } = watch(source)
    for (let pulls = 0; pulls < 3; pulls++) source.pull()
    for (const [index, value] of ['a', 'b', 'c'].entries()) {
      given.emit(value)
      await until(index + 1)
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(given.listenerCount('d')).toBe(0)
    source.pull()
    source.pull()
    given.emit('d')
    await until(5)
    expect(seen).toEqual(['a', 'b', 'c', 'd', '|'])
  })

  it('fails with what the iterator throws', () => {
    const source = new Pulled(
      (function* (): Generator<string> {
        yield 'a'
        throw new Error('lost')
      })(),
    )
    const { seen } = watch(source)
    source.pull()
    source.pull()
    source.pull()
    expect(seen).toEqual(['a', 'lost'])
  })

  it('fails with what an asynchronous iterator throws', async () => {
    const source = new Pulled(
      (async function* (): AsyncGenerator<string> {
        yield 'a'
        throw new Error('lost')
      })(),
    )
    const { seen, until } = watch(source)
    for (let pulls = 0; pulls < 3; pulls++) source.pull()
    await until(2)
    expect(seen).toEqual(['a', 'lost'])
  })

  it('fails if the iterable cannot be iterated', () => {
    const source = new Pulled<string>({
      [Symbol.iterator]() {
        throw new Error('no iterator')
      },
    })
    expect(watch(source).seen).toEqual(['no iterator'])
  })

  it('does not recurse when each value makes its consumer pull the next', () => {
    const many = 100_000
    const source = new Pulled(Array.from({ length: many }, (_, index) => index))
    let last = -1
    source.subscribe((value) => {
      last = value
      source.pull()
    })
    source.pull()
    expect(last).toBe(many - 1)
  })

  it('has one subscriber', () => {
    const source = new Pulled(['a'])
    const first = watch(source)
    expect(watch(source).seen).toEqual(['a Pulled has one subscriber'])
    source.pull()
    expect(first.seen).toEqual(['a'])
  })
})

describe('Pulled, when unsubscribed,', () => {
  it('ends the iterator, once', () => {
    let ended = 0
    const values = function* (): Generator<number> {
      try {
        for (;;) yield 1
      } finally {
        ended++
      }
    }
    const source = new Pulled(values())
    const { seen, subscription } = watch(source)
    source.pull()
    subscription.unsubscribe()
    source.pull()
    expect(ended).toBe(1)
    expect(seen).toEqual([1])
  })

  it('ends the iterator when its consumer completes early', () => {
    let ended = 0
    const values = function* (): Generator<number> {
      try {
        for (;;) yield 1
      } finally {
        ended++
      }
    }
    const source = new Pulled(values())
    source.pipe(take(2)).subscribe()
    for (let pulls = 0; pulls < 5; pulls++) source.pull()
    expect(ended).toBe(1)
  })

  it('ends an asynchronous iterator and drops the value that was awaited', async () => {
    const events = new EventEmitter()
    const values = async function* (): AsyncGenerator<string> {
      try {
        await once(events, 'value')
        yield 'late'
      } finally {
        events.emit('ended')
      }
    }
    const source = new Pulled(values())
    const { seen, subscription } = watch(source)
    source.pull()
    const ended = once(events, 'ended')
    subscription.unsubscribe()
    events.emit('value')
    await ended
    expect(seen).toEqual([])
  })

  it('does not end an iterator that has ended by itself', () => {
    let returns = 0
    const source = new Pulled<string>({
      [Symbol.iterator]: () => ({
        next: () => ({ done: true, value: undefined }),
        return: () => {
          returns++
          return { done: true, value: undefined }
        },
      }),
    })
    const { seen, subscription } = watch(source)
    source.pull()
    subscription.unsubscribe()
    expect(seen).toEqual(['|'])
    expect(returns).toBe(0)
  })

  it('ignores an iterator whose clean-up fails', () => {
    const source = new Pulled(
      (function* (): Generator<number> {
        try {
          for (;;) yield 1
        } finally {
          refuse()
        }
      })(),
    )
    const { subscription } = watch(source)
    source.pull()
    expect(() => subscription.unsubscribe()).not.toThrow()
  })
})
