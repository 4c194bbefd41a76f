import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SpaceReserve } from '../chunks/disk/space-reserve.ts'
import { catalogAddress, storeAddress, type Addresses } from './addresses.ts'

/** The reserves of all disks that a store and its catalog are on; none if both are elsewhere. */
export interface Reserves {
  /** The least of what `SpaceReserve.free` tells for each disk. */
  free(least: number): Promise<number>
  /** Resolves with false if no disk has anything left. */
  release(): Promise<boolean>
  close(): Promise<void>
}

/**
 * Finds the reserves in directories that exist, and begins to fill them. Undefined if nothing is on
 * a disk of this machine.
 */
export async function openReserves(addresses: Addresses): Promise<Reserves | undefined> {
  const paths = await reservePaths(addresses)
  if (paths.length === 0) return undefined
  const reserves = await Promise.all(paths.map((path) => SpaceReserve.at(path)))
  for (const reserve of reserves) void reserve.fill()
  return {
    free: async (least) => Math.min(...(await Promise.all(reserves.map((each) => each.free(least))))),
    release: () => releaseAll(reserves),
    close: async () => {
      await Promise.all(reserves.map((each) => each.close()))
    },
  }
}

/**
 * Releases a part of what is kept, for a start that a full disk prevents. Resolves with false if
 * none is left.
 */
export async function releaseForStart(addresses: Addresses): Promise<boolean> {
  const paths = await reservePaths(addresses)
  return releaseAll(await Promise.all(paths.map((path) => SpaceReserve.at(path))))
}

async function releaseAll(reserves: readonly SpaceReserve[]): Promise<boolean> {
  return (await Promise.all(reserves.map((each) => each.release()))).includes(true)
}

/**
 * One for each disk. A catalog may share its directory with others, so its reserve has its name.
 */
async function reservePaths(addresses: Addresses): Promise<readonly string[]> {
  const store = storeAddress(addresses)
  const catalog = catalogAddress(addresses)
  const byDisk = new Map<number, string>()
  const paths = [
    ...(catalog.kind === 'sqlite' ? [`${catalog.path}.reserve`] : []),
    ...(store.kind === 'directory' ? [join(store.directory, 'reserve')] : []),
  ]
  for (const path of paths) {
    const { dev } = await stat(dirname(path))
    if (!byDisk.has(dev)) byDisk.set(dev, path)
  }
  return [...byDisk.values()]
}
