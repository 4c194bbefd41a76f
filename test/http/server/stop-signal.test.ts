import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { stopSignal, type StopSignal } from '../../../src/http/server/stop-signal.ts'

it('a repeat within a second is the same signal, and a later one is another', async () => {
  const source = new EventEmitter()
  const others: StopSignal[] = []
  let time = 5000
  const first = stopSignal(
    source,
    (signal) => others.push(signal),
    () => time,
  )
  source.emit('SIGINT')
  expect(await first).toBe('SIGINT')
  source.emit('SIGINT')
  time += 1000
  source.emit('SIGTERM')
  expect(others).toEqual([])
  time += 1
  source.emit('SIGTERM')
  source.emit('SIGINT')
  expect(others).toEqual(['SIGTERM', 'SIGINT'])
})
