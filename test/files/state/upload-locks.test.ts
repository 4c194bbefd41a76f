import { expect, it } from 'vitest'
import { UploadLocks } from '../../../src/files/state/upload-locks.ts'
import { defaultSpace, type FileId, type Space } from '../../../src/model/file.ts'

const id = '01890a5d-ac96-774b-bcce-b302099a8057' as FileId
const other = '01890a5d-ac96-774b-bcce-b302099a8058' as FileId

it('one at a time has the lock, for each upload', () => {
  const locks = new UploadLocks()
  const lock = locks.tryAcquire(defaultSpace, id)
  expect(lock).toBeDefined()
  expect(locks.tryAcquire(defaultSpace, id)).toBeUndefined()
  expect(locks.tryAcquire(defaultSpace, other)).toBeDefined()
  lock?.release()
  expect(locks.tryAcquire(defaultSpace, id)).toBeDefined()
})

it('to settle tells the holder, and waits for the end', async () => {
  const locks = new UploadLocks()
  const lock = locks.tryAcquire(defaultSpace, id)!
  const bystander = locks.tryAcquire(defaultSpace, other)!
  const events: string[] = []
  lock.signal.addEventListener('abort', () => events.push('told'))
  const settled = Promise.all([locks.interrupt(defaultSpace, id), locks.interrupt(defaultSpace, id)]).then(
    () => events.push('settled'),
  )
  await Promise.resolve()
  events.push('ends')
  lock.release()
  await settled
  expect(events).toEqual(['told', 'ends', 'settled'])
  expect(bystander.signal.aborted).toBe(false)
})

it('to settle waits for nobody where nobody is, nor for who comes later', async () => {
  const locks = new UploadLocks()
  await locks.interrupt(defaultSpace, id)
  const lock = locks.tryAcquire(defaultSpace, id)!
  const settled = locks.interrupt(defaultSpace, id)
  lock.release()
  const next = locks.tryAcquire(defaultSpace, id)!
  await settled
  expect(next.signal.aborted).toBe(false)
})

it('a lock of one space neither waits for nor interrupts one of another', async () => {
  const locks = new UploadLocks()
  const foreign = 'foreign' as Space
  const lock = locks.tryAcquire(defaultSpace, id)!
  expect(locks.tryAcquire(foreign, id)).toBeDefined()
  const interrupted = locks.interrupt(foreign, other)
  await interrupted
  expect(lock.signal.aborted).toBe(false)
})
