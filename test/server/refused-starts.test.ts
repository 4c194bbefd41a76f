import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { diskError } from '../../src/chunks/disk/fs-calls.ts'
import { listen } from '../../src/http/server/listen.ts'
import { openStoreToFill } from '../../src/server/open-stores.ts'
import { ServerProcess } from '../robustness/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const open = (store: string) => openStoreToFill(['--store', store], {}, () => {})

it('a store that is a file is refused with its path', async () => {
  const path = join(await temporaryDirectory(), 'file')
  await writeFile(path, '')
  await expect(open(path)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(path),
  })
  const below = join(path, 'store')
  await expect(open(below)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(path),
  })
})

it.each([
  ['EACCES', 'unavailable'],
  ['EROFS', 'unavailable'],
  ['EMFILE', 'unavailable'],
  ['ENOTDIR', 'unavailable'],
  ['ENOSPC', 'no_space'],
  ['EDQUOT', 'no_space'],
])('%s of the system is %s, with what was tried', (name, code) => {
  const error = Object.assign(new Error(name), { errno: -1, code: name, path: '/srv/files/chunks' })
  expect(diskError(error, 'Cannot open /srv/files/chunks')).toMatchObject({
    code,
    message: expect.stringContaining('/srv/files/chunks'),
  })
})

it('a server whose port is in use says so in one line and creates no store', async () => {
  const busy = createServer()
  await listen(busy, { host: '127.0.0.1', port: 0 })
  onTestFinished(() => void busy.close())
  const { port } = busy.address() as AddressInfo
  const parent = await temporaryDirectory()
  await mkdir(join(parent, 'empty'))
  const server = new ServerProcess(['--store', join(parent, 'store'), '--port', String(port)])
  expect(await server.exited).toBe(1)
  expect(server.stdout).toBe('')
  expect(server.stderr).toMatch(new RegExp(`^ashlar: [^\\n]*${port}[^\\n]*\\n$`))
  expect(await readdir(parent)).toEqual(['empty'])
})
