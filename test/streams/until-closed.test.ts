import { PassThrough } from 'node:stream'
import { Subject } from 'rxjs'
import { expect, it, vi } from 'vitest'
import { untilClosed } from '../../src/streams/until-closed.ts'

function watch(output: PassThrough) {
  const source = new Subject<number>()
  const next = vi.fn<(value: number) => void>()
  const error = vi.fn<(error: unknown) => void>()
  const complete = vi.fn<() => void>()
  const subscription = source.pipe(untilClosed(output)).subscribe({ next, error, complete })
  return { source, next, error, complete, subscription }
}

const closed = (output: PassThrough) => new Promise((resolve) => output.once('close', resolve))

it('passes on values and the end while the stream is open', () => {
  const output = new PassThrough()
  const { source, next, error, complete } = watch(output)
  source.next(1)
  source.complete()
  expect(next.mock.calls).toEqual([[1]])
  expect(complete).toHaveBeenCalledOnce()
  expect(error).not.toHaveBeenCalled()
  expect(output.listenerCount('close')).toBe(0)
})

it('errors as soon as the stream closes, and leaves the source', async () => {
  const output = new PassThrough()
  const { source, error } = watch(output)
  output.destroy()
  await closed(output)
  expect(error.mock.calls).toEqual([[expect.objectContaining({ code: 'ERR_STREAM_PREMATURE_CLOSE' })]])
  expect(source.observed).toBe(false)
})

it('does not subscribe when the stream has closed before', async () => {
  const output = new PassThrough()
  output.destroy()
  await closed(output)
  const { source, error } = watch(output)
  expect(error).toHaveBeenCalledOnce()
  expect(source.observed).toBe(false)
})

it('leaves source and stream when its subscriber does', () => {
  const output = new PassThrough()
  const { source, subscription } = watch(output)
  subscription.unsubscribe()
  expect(source.observed).toBe(false)
  expect(output.listenerCount('close')).toBe(0)
})
