import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { given, MiB, sample } from '../http/sample.ts'
import { startTestServer } from '../support/test-server.ts'
import { FaultyProxy, type Fault } from './faulty-proxy.ts'
import { freshName } from './fixtures.ts'

const program = fileURLToPath(new URL('children/abort.ts', import.meta.url))

it('a program that aborts what hangs, or breaks off in the middle, ends by itself', async () => {
  const server = await startTestServer({ chunkSize: MiB })
  const present = freshName()
  await given(server, present, sample(9 * MiB))
  // One request for what is asked, two parts, one piece of a stream, and one of two ranges: the
  // other is on its way.
  const hanging = [
    ['GET /api/files/asked', 1],
    ['PATCH', 1],
    ['PATCH', 2],
    ['PATCH', 3],
    ['GET /files', 2],
  ] as const
  let left = hanging.length
  const allHang = Promise.withResolvers<void>()
  const meanwhile = () => {
    left -= 1
    if (left === 0) allHang.resolve()
  }
  const faults = hanging.map(([on, call]): Fault => ({ on, call, kind: 'hang', meanwhile }))
  const proxy = await FaultyProxy.open(server, faults)

  const child = fork(program, [proxy.url, present])
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  await allHang.promise
  child.send('abort')
  expect(await ended).toEqual([0, null])
})
