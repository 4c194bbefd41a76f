import { chmod, mkdir, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { identifyStore, watchStore } from '../../src/server/watch-store.ts'
import { outcomeOf } from '../catalog/fixtures.ts'
import { eventually } from '../robustness/eventually.ts'
import { request } from '../support/http-request.ts'
import { serveStore, type ServedStore } from '../support/serve-store.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const put = (server: ServedStore) => request(server, 'PUT', '/files/x', { body: 'x' })
const status = async (answer: Promise<{ readonly status: number }>) => (await answer).status

it('a server whose store is moved is not ready and acknowledges nothing until it is back', async () => {
  const parent = await temporaryDirectory()
  const [store, moved] = [join(parent, 'store'), join(parent, 'moved')]
  const server = await serveStore(store)
  onTestFinished(() => server.close())
  expect(await status(put(server))).toBe(201)
  await rename(store, moved)
  expect(await status(request(server, 'GET', '/readyz'))).toBe(503)
  expect(await status(put(server))).toBe(503)
  await mkdir(store)
  expect(await status(request(server, 'GET', '/readyz'))).toBe(503)
  expect(await status(put(server))).toBe(503)
  expect(await readdir(store)).toEqual([])
  await rename(moved, store)
  expect(await status(request(server, 'GET', '/readyz'))).toBe(200)
  expect(await status(put(server))).toBe(200)
})

it('the files of a store are its owner’s alone, whatever the umask and the mode of its directory', async () => {
  const store = join(await temporaryDirectory(), 'store')
  await mkdir(store)
  await chmod(store, 0o755)
  const before = process.umask(0)
  onTestFinished(() => void process.umask(before))
  const server = await serveStore(store)
  await put(server)
  const modes = async () => {
    const others: string[] = []
    for (const path of await readdir(store, { recursive: true })) {
      const found = await stat(join(store, path))
      const expected = found.isDirectory() ? 0o700 : 0o600
      if ((found.mode & 0o777) !== expected) others.push(`${path} ${(found.mode & 0o777).toString(8)}`)
    }
    return others
  }
  expect(await readdir(store)).toEqual(
    expect.arrayContaining([
      'catalog.sqlite',
      'catalog.sqlite-wal',
      'catalog.sqlite-shm',
      'catalog.sqlite.lock',
    ]),
  )
  expect(await modes()).toEqual([])
  await server.close()

  // As releases before this one created them.
  for (const name of ['catalog.sqlite', 'catalog.sqlite.lock']) await chmod(join(store, name), 0o644)
  const again = await serveStore(store)
  expect(await modes()).toEqual([])
  await again.close()
})

it('the log hears once of a store that was moved, and once that it is back', async () => {
  const parent = await temporaryDirectory()
  const [store, moved] = [join(parent, 'store'), join(parent, 'moved')]
  await (await serveStore(store)).close()
  const confirm = await identifyStore({ store, catalog: 'sqlite' })
  let looks = 0
  const counted = () => {
    looks += 1
    return confirm()
  }
  const heard: string[] = []
  const watch = watchStore(counted, 1, (error) => {
    heard.push(error === undefined ? 'back' : 'moved')
  })
  onTestFinished(() => watch.stop())
  const afterTwoLooks = async () => {
    const seen = looks
    await eventually(() => expect(looks).toBeGreaterThan(seen + 2))
  }
  await afterTwoLooks()
  await rename(store, moved)
  await afterTwoLooks()
  expect(await outcomeOf(confirm())).toBe('unavailable')
  expect(heard).toEqual(['moved'])
  await rename(moved, store)
  await afterTwoLooks()
  expect(heard).toEqual(['moved', 'back'])
})
