import { expect, it } from 'vitest'
import { UploadTurns } from '../../../src/files/state/upload-turns.ts'
import type { FileId } from '../../../src/model/file.ts'

const id = '01890a5d-ac96-774b-bcce-b302099a8057' as FileId
const other = '01890a5d-ac96-774b-bcce-b302099a8058' as FileId

it('one at a time has the turn, for each upload', () => {
  const turns = new UploadTurns()
  const turn = turns.take(id)
  expect(turn).toBeDefined()
  expect(turns.take(id)).toBeUndefined()
  expect(turns.take(other)).toBeDefined()
  turn?.end()
  expect(turns.take(id)).toBeDefined()
})

it('to settle tells whoever has the turn, and waits for the end', async () => {
  const turns = new UploadTurns()
  const turn = turns.take(id)!
  const bystander = turns.take(other)!
  const events: string[] = []
  turn.signal.addEventListener('abort', () => events.push('told'))
  const settled = Promise.all([turns.settle(id), turns.settle(id)]).then(() => events.push('settled'))
  await Promise.resolve()
  events.push('ends')
  turn.end()
  await settled
  expect(events).toEqual(['told', 'ends', 'settled'])
  expect(bystander.signal.aborted).toBe(false)
})

it('to settle waits for nobody where nobody is, nor for who comes later', async () => {
  const turns = new UploadTurns()
  await turns.settle(id)
  const turn = turns.take(id)!
  const settled = turns.settle(id)
  turn.end()
  const next = turns.take(id)!
  await settled
  expect(next.signal.aborted).toBe(false)
})
