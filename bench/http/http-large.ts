import { comparison, interleaved, type Rounds } from '../interleaved.ts'
import type { Row, RunScale } from '../row.ts'
import { LargeFiles } from './large-files.ts'
import { gib, mib, sizeName } from './sizes.ts'
import { Stage } from './stage.ts'

const common = { suite: 'HTTP, large files', unit: 'GB/s' }
const many = 8
const floors = { get: 'Node that writes one buffer', put: 'Node that discards' }

/**
 * One large file up and down, with one client and with many. Ashlar verifies what it reads, and
 * hashes and syncs what it stores; the others do neither. Takes 20 GiB of disk.
 */
export async function httpLarge({ isShort }: RunScale): Promise<readonly Row[]> {
  const bytes = isShort ? 32 * mib : gib
  const rounds = (count: number): Rounds => (isShort ? { rounds: 1, warmUps: 0 } : { rounds: count })
  await using stage = await Stage.open()
  const large = await LargeFiles.on(stage)
  await large.fill(bytes)
  return [
    ...(await downloads(large, bytes, rounds(9))),
    ...(await downloadsOfMany(large, bytes, rounds(3))),
    ...(await uploads(large, bytes, rounds(5))),
    ...(await uploadsOfMany(large, bytes / many, rounds(3))),
  ]
}

async function downloads(large: LargeFiles, bytes: number, rounds: Rounds): Promise<readonly Row[]> {
  const alternatives = {
    ours: large.get('ashlar', 1, bytes),
    nginx: large.get('nginx', 1, bytes),
    floor: large.get('floor', 1, bytes),
  }
  const speeds = await interleaved(alternatives, rounds)
  const described = { ...common, work: `GET of ${sizeName(bytes)}, verified, one client` }
  return [
    comparison(speeds, 'ours', 'nginx', {
      ...described,
      against: 'nginx, sendfile',
      target: { atLeast: 1 },
    }),
    comparison(speeds, 'ours', 'floor', { ...described, against: floors.get }),
  ]
}

async function downloadsOfMany(large: LargeFiles, bytes: number, rounds: Rounds): Promise<readonly Row[]> {
  const alternatives = {
    ours: large.get('ashlar', many, bytes),
    nginx: large.get('nginx', many, bytes),
    nginxAuto: large.get('nginxAuto', many, bytes),
    floor: large.get('floor', many, bytes),
  }
  const speeds = await interleaved(alternatives, rounds)
  const described = { ...common, work: `GET of ${sizeName(bytes)} each, verified, ${many} clients` }
  return [
    comparison(speeds, 'ours', 'nginx', {
      ...described,
      against: 'nginx, sendfile, one worker',
      target: { atLeast: 0.9 },
    }),
    comparison(speeds, 'ours', 'nginxAuto', { ...described, against: 'the same, a worker for each core' }),
    comparison(speeds, 'ours', 'floor', { ...described, against: floors.get }),
  ]
}

async function uploads(large: LargeFiles, bytes: number, rounds: Rounds): Promise<readonly Row[]> {
  const alternatives = {
    ours: large.put('ashlar', 1, bytes),
    nginx: large.put('nginx', 1, bytes),
    floor: large.put('floor', 1, bytes),
    oursByTus: large.tus('ashlar', 1, bytes),
    tus: large.tus('tus', 1, bytes),
    disk: large.writeAlone(bytes),
  }
  const speeds = await interleaved(alternatives, rounds)
  const described = { ...common, work: `PUT of ${sizeName(bytes)}, hashed, durable, one client` }
  return [
    comparison(speeds, 'ours', 'nginx', {
      ...described,
      against: 'nginx, dav_methods PUT',
      target: { atLeast: 3 },
    }),
    comparison(speeds, 'ours', 'floor', { ...described, against: floors.put, target: { atLeast: 0.55 } }),
    comparison(speeds, 'ours', 'disk', {
      ...described,
      against: 'this disk, written and synced by nobody else',
    }),
    comparison(speeds, 'oursByTus', 'tus', {
      ...common,
      work: `tus upload of ${sizeName(bytes)}, hashed, durable`,
      against: '@tus/server, file store',
      target: { atLeast: 3 },
    }),
  ]
}

async function uploadsOfMany(large: LargeFiles, bytes: number, rounds: Rounds): Promise<readonly Row[]> {
  const alternatives = {
    ours: large.put('ashlar', many, bytes),
    nginx: large.put('nginx', many, bytes),
    floor: large.put('floor', many, bytes),
  }
  const speeds = await interleaved(alternatives, rounds)
  const described = { ...common, work: `PUT of ${sizeName(bytes)} each, hashed, durable, ${many} clients` }
  return [
    comparison(speeds, 'ours', 'nginx', { ...described, against: 'nginx, dav_methods PUT' }),
    comparison(speeds, 'ours', 'floor', { ...described, against: floors.put }),
  ]
}
