import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ActiveDownloads } from '../../../src/files/state/active-downloads.ts'
import type { FileId, StoredFile } from '../../../src/model/file.ts'

const file = (id: string) => ({ id }) as StoredFile
const idOf = (id: string) => id as FileId

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('a file awaits its client for as long as it was told to, counted from the last request', async () => {
  const files = new ActiveDownloads(1000)
  const open = await files.open(async () => file('a'))
  expect(files.reopen(idOf('b'))).toBeUndefined()
  open?.close({ mayContinue: true })
  expect([files.inUse, files.kept]).toEqual([[], ['a']])
  vi.advanceTimersByTime(999)
  const again = files.reopen(idOf('a'))
  expect([files.inUse, files.kept]).toEqual([['a'], ['a']])
  vi.advanceTimersByTime(5000)
  again?.close({ mayContinue: true })
  vi.advanceTimersByTime(999)
  expect(files.kept).toEqual(['a'])
  vi.advanceTimersByTime(1)
  expect(files.kept).toEqual([])
  expect(files.reopen(idOf('a'))).toBeUndefined()
})

it('awaits no client that does not say that it continues, and no more than a thousand', async () => {
  const files = new ActiveDownloads(1000)
  const plain = await files.open(async () => file('plain'))
  plain?.close()
  expect(files.kept).toEqual([])
  for (let number = 0; number < 1100; number++) {
    const open = await files.open(async () => file(`${number}`))
    open?.close({ mayContinue: true })
  }
  expect(files.kept).toHaveLength(1000)
  expect(files.reopen(idOf('99'))).toBeUndefined()
  expect(files.reopen(idOf('1099'))).toBeDefined()
})
