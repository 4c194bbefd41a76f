import fs from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { callFs } from '../../../src/chunks/disk/fs-calls.ts'
import type { KeptOpen } from '../../../src/chunks/disk/fd-cache.ts'
import { readInSequence } from '../../../src/chunks/disk/read-in-sequence.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { interposeFs, type FsFault } from './interpose-fs.ts'

const piece = 64 * 1024
const pieces = 4
const size = pieces * piece

async function givenFile(plan: readonly FsFault[] = [], bytes = size) {
  const directory = await temporaryDirectory()
  const path = join(directory, 'chunk')
  const content = randomBytes(bytes)
  await writeFile(path, content)
  const { log } = interposeFs(directory, plan)
  const fd = await callFs<number>((done) => fs.open(path, done))
  onTestFinished(() => callFs((done) => fs.close(fd, done)))
  log.length = 0
  const kept: KeptOpen = {}
  const read = async (from: number, length = piece, signal?: AbortSignal) => {
    const into = Buffer.alloc(length)
    const count = await readInSequence(fd, kept, from, into, signal)
    return into.subarray(0, count)
  }
  return { content, read, log }
}

it('begins with a little read, goes on behind it, and only then lets others read, side by side', async () => {
  const { content, read, log } = await givenFile()
  const parts = await Promise.all([0, 3, 1, 2].map(async (nth) => ({ nth, bytes: await read(nth * piece) })))
  for (const { nth, bytes } of parts) {
    expect(bytes.equals(content.subarray(nth * piece, (nth + 1) * piece))).toBe(true)
  }
  const [begins, ends] = ['read chunk begins', 'read chunk ends']
  expect(log.slice(0, 7)).toEqual([begins, ends, begins, ends, begins, begins, begins])
  log.length = 0
  await Promise.all([read(0), read(piece)])
  expect(log).toEqual([begins, begins, ends, ends])
})

it('does not wait for a first read that nobody makes', async () => {
  const { content, read, log } = await givenFile()
  const parts = await Promise.all([read(piece), read(2 * piece)])
  expect(Buffer.concat(parts).equals(content.subarray(piece, 3 * piece))).toBe(true)
  expect(log.slice(0, 2)).toEqual(['read chunk begins', 'read chunk begins'])
})

it.each([1, 2])('lets others read when read %d of the beginning fails', async (call) => {
  const { content, read } = await givenFile([{ kind: 'fail', on: 'read', call, code: 'EIO' }])
  const read0 = read(0)
  const second = read(piece)
  await expect(read0).rejects.toMatchObject({ code: 'EIO' })
  expect((await second).equals(content.subarray(piece, 2 * piece))).toBe(true)
  expect((await read(0)).equals(content.subarray(0, piece))).toBe(true)
})

it.each(['before it begins', 'in the middle of it'])(
  'lets others read when the beginning is given up %s',
  async (when) => {
    const controller = new AbortController()
    const abort = () => controller.abort(new Error('enough'))
    const { content, read } = await givenFile([{ kind: 'meanwhile', on: 'read', call: 1, run: abort }])
    if (when === 'before it begins') abort()
    const read0 = read(0, piece, controller.signal)
    const second = read(piece)
    await expect(read0).rejects.toThrow('enough')
    expect((await second).equals(content.subarray(piece, 2 * piece))).toBe(true)
  },
)

it.each([0, 1, 16_383, 16_384, 16_385])('tells of a file of %d bytes how much there was', async (bytes) => {
  const { content, read } = await givenFile([], bytes)
  expect((await read(0)).equals(content)).toBe(true)
  expect((await read(0)).equals(content)).toBe(true)
})

it.each([1, 16_383, 16_384, 16_385])(
  'reads no more than %d bytes where no more are wanted',
  async (length) => {
    const { content, read } = await givenFile()
    expect((await read(0, length)).equals(content.subarray(0, length))).toBe(true)
  },
)
