import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { noteCommits } from '../../src/server/note-commits.ts'
import { openConfigured, openStoreToRead, openStoreToRebuild } from '../../src/server/open-stores.ts'
import { readBack } from '../robustness/read-back.ts'
import { uploadBytes } from '../robustness/send-body.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

it('an old copy of an SQLite catalog is refused even with its own note beside it, and a rebuilt one counts on', async () => {
  const directory = await temporaryDirectory()
  const [store, catalogs, copies] = ['store', 'catalogs', 'copies'].map((name) => join(directory, name))
  const args = ['--store', store!, '--catalog', `sqlite:${join(catalogs!, 'catalog.sqlite')}`]
  const config = readConfig(args, {})
  const reported: unknown[] = []
  const report = (error: unknown) => reported.push(error)
  const put = async (name: string) => {
    const opened = await openConfigured(config, report)
    await uploadBytes(opened.store, name, Buffer.from(name))
    await noteCommits(config, opened.store.catalog, 60_000, report).stop()
    await opened.close()
  }
  const putBack = async () => {
    await rm(catalogs!, { recursive: true })
    await cp(copies!, catalogs!, { recursive: true })
  }
  await put('before')
  await cp(catalogs!, copies!, { recursive: true })
  expect(await readdir(copies!)).toContain('catalog.sqlite.commits')
  await put('after')
  await putBack()
  const refused = { code: 'corrupt', message: expect.stringContaining('ashlar rebuild') }
  await expect(put('lost')).rejects.toMatchObject(refused)
  await expect(openStoreToRead(args, {})).rejects.toMatchObject(refused)

  await rm(catalogs!, { recursive: true })
  const rebuilding = await openStoreToRebuild(args, {})
  expect(await rebuilding.rebuild()).toMatchObject({ files: 2, lostChunks: 0 })
  await rebuilding.close()
  const opened = await openConfigured(config, report)
  for (const each of ['before', 'after']) expect(String(await readBack(opened.store, each))).toBe(each)
  await opened.close()
  await put('last')
  await putBack()
  await expect(put('lost')).rejects.toMatchObject(refused)
  expect(reported).toEqual([])
})
