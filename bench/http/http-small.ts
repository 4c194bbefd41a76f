import { comparison, interleaved, type Rounds } from '../interleaved.ts'
import { startNginx } from '../peers/nginx.ts'
import { startAshlar, startNodePeer } from '../peers/node-peer.ts'
import type { Peer } from '../peers/peer.ts'
import type { Row, RunScale, Target } from '../row.ts'
import { kib, sizeName } from './sizes.ts'
import { SmallFiles } from './small-files.ts'
import { Stage } from './stage.ts'
import { syncTimeMs } from './sync-time.ts'

const common = { suite: 'HTTP, small files', unit: 'requests/s' }
const many = 16
/** Where the disk syncs in under a millisecond. */
const leastPuts = { atLeast: 2500 }

interface Servers {
  readonly ashlar: Peer
  readonly nginx: Peer
  readonly koa: Peer
}

/** Small files up and down. Ashlar answers a PUT when the file is durable; nginx syncs nothing. */
export async function httpSmall({ isShort }: RunScale): Promise<readonly Row[]> {
  const rounds = isShort ? { rounds: 1, warmUps: 0 } : { rounds: 5 }
  await using stage = await Stage.open()
  const servers: Servers = {
    ashlar: await stage.serve(startAshlar(stage.path('ashlar'))),
    nginx: await stage.serve(startNginx(stage.path('nginx'), 1)),
    koa: await stage.serve(startNodePeer('koa-from-memory')),
  }
  const syncMs = await syncTimeMs(stage.path('synced'))
  const small = new SmallFiles(stage, isShort ? 200 : 700)
  return [
    ...(await downloads(small, servers, 4 * kib, rounds, { atLeast: 0.6 })),
    ...(await downloads(small, servers, 64 * kib, rounds)),
    ...(await uploads(small, servers, 4 * kib, rounds)),
    ...(await uploads(small, servers, 64 * kib, rounds)),
    ...(await uploadsTogether(small, servers, 4 * kib, rounds, syncMs)),
  ]
}

async function downloads(
  small: SmallFiles,
  { ashlar, nginx, koa }: Servers,
  bytes: number,
  rounds: Rounds,
  target?: Target,
): Promise<readonly Row[]> {
  const alternatives = {
    ours: await small.get(ashlar, `/files/${bytes}/`, bytes, many),
    nginx: await small.get(nginx, `/${bytes}/`, bytes, many),
    koa: small.getFromMemory(koa, bytes, many),
  }
  const rates = await interleaved(alternatives, rounds)
  const described = { ...common, work: `GET of ${sizeName(bytes)}, verified, ${many} clients` }
  const toKoa = { ...described, against: 'bare Koa, from memory', ...(target && { target }) }
  return [
    comparison(rates, 'ours', 'koa', toKoa),
    comparison(rates, 'ours', 'nginx', { ...described, against: 'nginx, one worker' }),
  ]
}

async function uploads(
  small: SmallFiles,
  { ashlar, nginx }: Servers,
  bytes: number,
  rounds: Rounds,
): Promise<readonly Row[]> {
  const alternatives = {
    ours: small.put(ashlar, '/files/up/', bytes, many),
    nginx: small.put(nginx, '/up/', bytes, many),
  }
  const rates = await interleaved(alternatives, rounds)
  const work = `PUT of ${sizeName(bytes)}, durable, ${many} clients`
  return [comparison(rates, 'ours', 'nginx', { ...common, work, against: 'nginx, dav_methods PUT' })]
}

/**
 * What it brings that commits which come together share their syncs: those of one client that waits
 * for each have nobody to share with.
 */
async function uploadsTogether(
  small: SmallFiles,
  { ashlar }: Servers,
  bytes: number,
  rounds: Rounds,
  syncMs: number,
): Promise<readonly Row[]> {
  const alternatives = {
    together: small.put(ashlar, '/files/up/', bytes, many),
    alone: small.put(ashlar, '/files/up/', bytes, 1),
  }
  const rates = await interleaved(alternatives, rounds)
  const described = { ...common, work: `PUT of ${sizeName(bytes)}, durable, ${many} clients` }
  const together = comparison(rates, 'together', 'alone', {
    ...described,
    against: 'one client: each commit synced alone',
    target: { atLeast: 4 },
  })
  return [
    together,
    {
      ...described,
      against: `a disk that syncs in ${syncMs.toFixed(2)} ms`,
      ours: together.ours,
      ...(syncMs < 1 && { target: leastPuts }),
    },
  ]
}
