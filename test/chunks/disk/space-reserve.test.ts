import { rename, mkdir, stat, statfs, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { SpaceReserve } from '../../../src/chunks/disk/space-reserve.ts'
import { smallDisk } from '../../support/small-disk.ts'

const MiB = 1024 * 1024
const diskBytes = 16 * MiB
const reserveBytes = 2 * MiB

let disk: string
let path: string
let reserve: SpaceReserve

beforeEach(async (context) => {
  disk = await smallDisk(diskBytes, context)
  await mkdir(join(disk, 'store'))
  path = join(disk, 'store', 'reserve')
  reserve = await SpaceReserve.at(path)
})

const size = () =>
  stat(path).then(
    (found) => found.size,
    () => undefined,
  )

async function freeOnDisk(): Promise<number> {
  const { bavail, bsize } = await statfs(disk)
  return bavail * bsize
}

it('a space reserve takes an eighth of a small disk, in blocks that are its own', async () => {
  const before = await freeOnDisk()
  await reserve.fill()
  expect(await size()).toBe(reserveBytes)
  expect((await stat(path)).blocks * 512).toBe(reserveBytes)
  expect(before - (await freeOnDisk())).toBe(reserveBytes)
})

it('a space reserve is given up in four steps, and none of that counts as free', async () => {
  await reserve.fill()
  const free = await reserve.free(MiB)
  expect(free).toBe((await freeOnDisk()) - MiB)
  // Or it would be filled again at once.
  await writeFile(join(disk, 'ballast'), Buffer.alloc(free + MiB))
  const sizes: unknown[] = []
  while (await reserve.release()) sizes.push(await size())
  expect(sizes).toEqual([1.5 * MiB, MiB, 0.5 * MiB, undefined])
  expect(await freeOnDisk()).toBe(reserveBytes)
  expect(await reserve.free(0)).toBe(0)
})

it('a space reserve is filled again, from where it ends, once there is room for twice what it lacks', async () => {
  await reserve.fill()
  await truncate(path, MiB)
  const ballast = join(disk, 'ballast')
  await writeFile(ballast, Buffer.alloc((await freeOnDisk()) - 2 * MiB + 4096))
  await reserve.fill()
  expect(await size()).toBe(MiB)
  await truncate(ballast, MiB)
  await reserve.free(0)
  await expect.poll(size).toBe(reserveBytes)
})

it('a space reserve is not filled in another directory than it was opened in', async () => {
  await rename(join(disk, 'store'), join(disk, 'moved'))
  await mkdir(join(disk, 'store'))
  await reserve.fill()
  expect(await size()).toBe(undefined)
})
