import { statSync } from 'node:fs'
import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import type { Location } from '../../../src/model/chunk.ts'
import { sampleChunk } from '../../chunks/sample-chunk.ts'

// Run by packs-power-cut.test.ts, with all that it writes recorded. Says what it does in lines of
// JSON, each with the length of the journal by then.
const [directory = '', kind] = process.argv.slice(2)
const say = (what: object) =>
  console.log(JSON.stringify({ at: statSync(process.env['CRASH_JOURNAL']!).size, ...what }))

const store = await DiskChunkStore.open(directory, { hasDurableDeletes: kind === 'durable' })
say({ opened: true })

const put = async (seed: number): Promise<Location> => {
  const { digest, bytes } = sampleChunk(3000, seed)
  const location = await store.put(digest, [bytes])
  say({ put: location, seed })
  return location
}
const remove = async (location: Location) => {
  say({ deleting: location })
  await store.delete(location)
  say({ deleted: location })
}

const [alone, ...pack] = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(put))
await remove(pack[2]!)
await Promise.all([remove(pack[0]!), remove(pack[5]!), put(8)])
await remove(alone!)
await remove(pack[1]!)
await Promise.all([remove(pack[3]!), remove(pack[4]!)])
await put(9)
await store.close()
