import { expect, it } from 'vitest'
import { storeFolder } from '../../src/cli/store-folder.ts'

it.each([
  ['photos', { prefix: 'photos/', ownName: 'photos' }],
  ['photos/', { prefix: 'photos/', ownName: 'photos' }],
  ['photos/2026', { prefix: 'photos/2026/', ownName: '2026' }],
  ['photos/.', { prefix: 'photos/', ownName: '' }],
  ['.', { prefix: '', ownName: '' }],
  ['', { prefix: '', ownName: '' }],
  ['/', { prefix: '', ownName: '' }],
])('the folder %j is %j', (text, folder) => {
  expect(storeFolder(text)).toEqual(folder)
})
