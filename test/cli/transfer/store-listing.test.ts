import { describe, expect, it } from 'vitest'
import { StoreError, type FileInfo } from '../../../src/client/node.ts'
import { StoreListing } from '../../../src/cli/transfer/store-listing.ts'

const file = (name: string) => ({ name }) as FileInfo

function listing(names: Iterable<string>, failure?: StoreError) {
  const read = { count: 0, isClosed: false }
  async function* files() {
    try {
      for (const name of names) {
        read.count += 1
        yield file(name)
      }
      if (failure) throw failure
    } finally {
      read.isClosed = true
    }
  }
  return { names: new StoreListing(files()), read }
}

describe('a listing of the store', () => {
  it('tells what is there and what is not, for names in the order of their bytes', async () => {
    const { names } = listing(['a', 'a-b', 'a/b', '\uFB01', '\u{1F600}'])
    const asked = ['a', 'a.txt', 'a/b', 'b', '\uFB01', '\u{1F600}', '\u{1F601}']
    const found: unknown[] = []
    for (const name of asked) found.push(await names.find(name))
    expect(found).toEqual([file('a'), null, file('a/b'), null, file('\uFB01'), file('\u{1F600}'), null])
  })

  it('knows nothing of a name that comes too late or again', async () => {
    const { names } = listing(['a', 'b'])
    expect(await names.find('b')).toEqual(file('b'))
    expect(await names.find('a')).toBeUndefined()
    expect(await names.find('b')).toBeUndefined()
  })

  it('is given up where few of its names are asked for', async () => {
    const many = Array.from({ length: 20_000 }, (_, at) => `a${String(at).padStart(5, '0')}`)
    const { names, read } = listing(many)
    expect(await names.find('b')).toBeUndefined()
    expect(read.count).toBeLessThan(11_000)
    expect(await names.find('c')).toBeUndefined()
    await names.close()
    expect(read.isClosed).toBe(true)
  })

  it('that is refused leaves the question open, and rejects where the server cannot be reached', async () => {
    const refused = listing(['a'], new StoreError('forbidden', 'no'))
    expect(await refused.names.find('a')).toEqual(file('a'))
    expect(await refused.names.find('b')).toBeUndefined()
    const lost = listing([], new StoreError('unavailable', 'gone'))
    await expect(lost.names.find('a')).rejects.toMatchObject({ code: 'unavailable' })
  })
})
