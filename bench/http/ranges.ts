import { comparison, interleaved } from '../interleaved.ts'
import { startNginx } from '../peers/nginx.ts'
import { startAshlar } from '../peers/node-peer.ts'
import type { Peer } from '../peers/peer.ts'
import type { Row, RunScale } from '../row.ts'
import { gib, kib, mib, sizeName } from './sizes.ts'
import { Stage } from './stage.ts'

const suite = 'HTTP, ranges'
const bytes = 64 * kib

/**
 * Random ranges of one large file. Ashlar reads and verifies the blocks of 1 MiB that they lie in.
 */
export async function ranges({ isShort }: RunScale): Promise<readonly Row[]> {
  const fileBytes = isShort ? 32 * mib : gib
  await using stage = await Stage.open()
  const ashlar = await stage.serve(startAshlar(stage.path('ashlar')))
  const nginx = await stage.serve(startNginx(stage.path('nginx'), 1))
  const put = ({ port }: Peer, path: string) =>
    stage.throughput({
      port,
      clients: 1,
      exchange: { kind: 'put', path, bytes: fileBytes },
      until: { times: 1 },
    })
  await put(ashlar, '/files/large')
  await put(nginx, '/large')
  await stage.settle()

  const rows: Row[] = []
  for (const clients of [1, 16]) {
    const get =
      ({ port }: Peer, path: string) =>
      () =>
        stage.rate({
          port,
          clients,
          exchange: { kind: 'range', path, fileBytes, bytes },
          until: { ms: isShort ? 200 : 700 },
        })
    const rates = await interleaved(
      { ours: get(ashlar, '/files/large'), nginx: get(nginx, '/large') },
      isShort ? { rounds: 1, warmUps: 0 } : { rounds: 5 },
    )
    const work = `GET of random ranges of ${sizeName(bytes)} of ${sizeName(fileBytes)}, ${clients === 1 ? 'one client' : `${clients} clients`}`
    rows.push(
      comparison(rates, 'ours', 'nginx', { suite, work, against: 'nginx, sendfile', unit: 'requests/s' }),
    )
  }
  return rows
}
