import { expect, it } from 'vitest'
import { UploadLocks } from '../../../src/files/state/upload-locks.ts'
import type { FileId } from '../../../src/model/file.ts'

const id = '01890a5d-ac96-774b-bcce-b302099a8057' as FileId
const other = '01890a5d-ac96-774b-bcce-b302099a8058' as FileId

it('one at a time has the lock, for each upload', () => {
  const locks = new UploadLocks()
  const lock = locks.tryAcquire(id)
  expect(lock).toBeDefined()
  expect(locks.tryAcquire(id)).toBeUndefined()
  expect(locks.tryAcquire(other)).toBeDefined()
  lock?.release()
  expect(locks.tryAcquire(id)).toBeDefined()
})

it('to settle tells the holder, and waits for the end', async () => {
  const locks = new UploadLocks()
  const lock = locks.tryAcquire(id)!
  const bystander = locks.tryAcquire(other)!
  const events: string[] = []
  lock.signal.addEventListener('abort', () => events.push('told'))
  const settled = Promise.all([locks.interrupt(id), locks.interrupt(id)]).then(() => events.push('settled'))
  await Promise.resolve()
  events.push('ends')
  lock.release()
  await settled
  expect(events).toEqual(['told', 'ends', 'settled'])
  expect(bystander.signal.aborted).toBe(false)
})

it('to settle waits for nobody where nobody is, nor for who comes later', async () => {
  const locks = new UploadLocks()
  await locks.interrupt(id)
  const lock = locks.tryAcquire(id)!
  const settled = locks.interrupt(id)
  lock.release()
  const next = locks.tryAcquire(id)!
  await settled
  expect(next.signal.aborted).toBe(false)
})
