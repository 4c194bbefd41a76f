import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { readConfig, type Config } from '../../src/config/config.ts'
import {
  bindAnew,
  bindStore,
  readStoreIdentity,
  refuseForeignStore,
  refuseOtherPair,
} from '../../src/server/store-identity.ts'
import {
  openStore,
  openStoreToFill,
  openStoreToRead,
  openStoreToRebuild,
} from '../../src/server/open-stores.ts'
import type { StoreBinding } from '../../src/model/store-identity.ts'
import { outcomeOf } from '../catalog/fixtures.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** What a catalog keeps of its store; that every catalog does so is for their own suite to show. */
class Bound {
  binding: StoreBinding | undefined

  async findBinding(): Promise<StoreBinding | undefined> {
    return this.binding
  }

  async bindStore({ id, isConfirmed }: StoreBinding): Promise<StoreBinding> {
    this.binding ??= { id, isConfirmed: false }
    if (isConfirmed && this.binding.id === id) this.binding = { id, isConfirmed }
    return this.binding
  }
}

let directory: string
beforeEach(async () => {
  directory = await temporaryDirectory()
})

/** Of a store that has a directory of its own. */
async function aStore(): Promise<Config> {
  const path = join(directory, crypto.randomUUID())
  await mkdir(path)
  return readConfig(['--store', path], {})
}

const identityPath = ({ store }: Config) => join(store, 'ashlar-store.json')

describe('a store', () => {
  it('gets the id that its new catalog has, in both', async () => {
    const [config, catalog] = [await aStore(), new Bound()]
    expect(await readStoreIdentity(config)).toBeUndefined()
    await bindStore(config, catalog)
    const { id } = catalog.binding!
    expect(catalog.binding).toEqual({ id, isConfirmed: true })
    expect(JSON.parse(await readFile(identityPath(config), 'utf8'))).toEqual({
      format: 'ashlar store',
      version: 2,
      id,
    })
    await bindStore(config, catalog)
    await refuseOtherPair(config, catalog)
    expect(await readStoreIdentity(config)).toEqual({ version: 2, id })
  })

  it('is refused to a second, empty catalog', async () => {
    const [config, second] = [await aStore(), new Bound()]
    await bindStore(config, new Bound())
    expect(await outcomeOf(bindStore(config, second))).toBe('unavailable')
    expect(await outcomeOf(refuseOtherPair(config, second))).toBe('unavailable')
    expect(second.binding).toBeUndefined()
  })

  it('is refused to the catalog of another store', async () => {
    const [config, other, catalog] = [await aStore(), await aStore(), new Bound()]
    await bindStore(config, new Bound())
    await bindStore(other, catalog)
    expect(await outcomeOf(bindStore(config, catalog))).toBe('unavailable')
    expect(await outcomeOf(refuseOtherPair(config, catalog))).toBe('unavailable')
  })

  it('is not taken for a directory in its place that has no store, as where its disk is not mounted', async () => {
    const [config, empty, catalog] = [await aStore(), await aStore(), new Bound()]
    await bindStore(config, catalog)
    expect(await outcomeOf(bindStore(empty, catalog))).toBe('unavailable')
    expect(await outcomeOf(refuseOtherPair(empty, catalog))).toBe('unavailable')
    expect(await readdir(empty.store)).toEqual([])
  })

  it('is bound to one catalog by servers that start on it at the same time', async () => {
    const [config, shared, other] = [await aStore(), new Bound(), new Bound()]
    const catalogs = [shared, shared, other]
    const ended = await Promise.all(catalogs.map((catalog) => outcomeOf(bindStore(config, catalog))))
    const wins =
      ended[2] === 'done' ? ['unavailable', 'unavailable', 'done'] : ['done', 'done', 'unavailable']
    expect(ended).toEqual(wins)
    await refuseOtherPair(config, ended[2] === 'done' ? other : shared)
  })

  it('is bound by the next start where a kill came between catalog and store', async () => {
    const [config, catalog] = [await aStore(), new Bound()]
    await catalog.bindStore({ id: crypto.randomUUID() as StoreBinding['id'], isConfirmed: false })
    await refuseOtherPair(config, catalog)
    await bindStore(config, catalog)
    expect(catalog.binding?.isConfirmed).toBe(true)
    expect((await readStoreIdentity(config))?.id).toBe(catalog.binding?.id)
    catalog.binding = { ...catalog.binding!, isConfirmed: false }
    await bindStore(config, catalog)
    expect(catalog.binding.isConfirmed).toBe(true)
  })

  it('keeps its id when its catalog is rebuilt', async () => {
    const [config, first, second] = [await aStore(), new Bound(), new Bound()]
    await bindStore(config, first)
    await bindAnew(config, second)
    expect(second.binding).toEqual(first.binding)
  })

  it.each(['', '{}', '"ashlar"', '{"format":"ashlar store","version":2}', 'null'])(
    'is refused while what it says of itself is damaged: %j',
    async (text) => {
      const config = await aStore()
      await writeFile(identityPath(config), text)
      expect(await outcomeOf(readStoreIdentity(config))).toBe('unavailable')
    },
  )
})

describe('a directory', () => {
  it('with files of other programs is refused', async () => {
    const config = await aStore()
    await writeFile(join(config.store, 'holiday.jpg'), 'mine')
    expect(await outcomeOf(refuseForeignStore(config))).toBe('unavailable')
  })

  it.each(['chunks', 'catalog.sqlite', '.DS_Store', 'lost+found'])('with %s is taken', async (name) => {
    const config = await aStore()
    await mkdir(join(config.store, name))
    expect(await outcomeOf(refuseForeignStore(config))).toBe('done')
  })
})

function rethrow(error: unknown): void {
  throw error
}

async function opening(opened: Promise<{ close(): Promise<void> }>): Promise<void> {
  await (await opened).close()
}

async function fill(store: string, catalog: string): Promise<void> {
  const opened = await openStoreToFill(['--store', store, '--catalog', `sqlite:${catalog}`], {}, rethrow)
  await uploadBytes(opened.store, 'file', Buffer.from(store))
  await opened.close()
}

/** How each command ends that opens a store. */
async function outcomes(store: string, catalog: string) {
  const flags = ['--store', store, '--catalog', `sqlite:${catalog}`]
  return {
    serve: await outcomeOf(opening(openStoreToFill(flags, {}, rethrow))),
    gc: await outcomeOf(opening(openStore(flags, {}, rethrow))),
    fsck: await outcomeOf(opening(openStoreToRead(flags, {}))),
    rebuild: await outcomeOf(opening(openStoreToRebuild(flags, {}))),
  }
}

it('every command opens a store that was moved with its catalog, and none opens another pair or a newer format', async () => {
  const refused = { serve: 'unavailable', gc: 'unavailable', fsck: 'unavailable' }
  const [one, other, moved] = ['one', 'other', 'moved'].map((name) => join(directory, name))
  const [ofOne, ofOther, ofMoved] = ['one', 'other', 'moved'].map((name) => join(directory, `${name}.sqlite`))
  await fill(one!, ofOne!)
  await cp(one!, moved!, { recursive: true })
  await rename(ofOne!, ofMoved!)
  expect(await outcomes(moved!, ofMoved!)).toEqual({
    serve: 'done',
    gc: 'done',
    fsck: 'done',
    rebuild: 'done',
  })
  await fill(other!, ofOther!)
  expect(await outcomes(moved!, ofOther!)).toMatchObject(refused)

  await writeFile(
    join(moved!, 'ashlar-store.json'),
    JSON.stringify({ format: 'ashlar store', version: 3, id: { new: 1 } }),
  )
  const before = await readdir(moved!, { recursive: true })
  expect(await outcomes(moved!, ofMoved!)).toEqual({ ...refused, rebuild: 'unavailable' })
  expect(await readdir(moved!, { recursive: true })).toEqual(before)
}, 60_000)
