import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { noteFile } from '../../../src/chunks/disk/note-file.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

it('a note is replaced whole, and leaves no draft behind when that fails', async () => {
  const directory = await temporaryDirectory()
  const note = noteFile(directory, 'note')
  expect(await note.read()).toBeUndefined()
  await note.replace('1\n')
  await note.replace('2\n')
  expect(await note.read()).toBe('2\n')
  await mkdir(join(directory, 'other'))
  await expect(noteFile(directory, 'other').replace('3\n')).rejects.toMatchObject({ code: 'unavailable' })
  expect((await readdir(directory)).toSorted()).toEqual(['note', 'other'])
})
