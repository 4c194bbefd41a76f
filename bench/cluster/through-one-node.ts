import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CephCluster } from '../../test/cluster/ceph-cluster.ts'
import { PostgresServer } from '../../test/cluster/postgres-server.ts'
import { mib, sizeName } from '../http/sizes.ts'
import { Stage } from '../http/stage.ts'
import { comparison, interleaved, type Rounds } from '../interleaved.ts'
import type { Row, RunScale } from '../row.ts'
import { OneNode } from './one-node.ts'
import { S3Alone, type S3Place } from './s3-alone.ts'

const objectBytes = 8 * mib
const concurrency = 4
const common = {
  suite: 'one node over Ceph',
  against: 'S3 SDK alone',
  unit: 'MB/s',
  target: { atLeast: 0.85 },
}

/**
 * What one node moves between clients and a bucket, against the S3 SDK that moves objects of the
 * size of its chunks, as many at once, to and from the same bucket. The node also cuts, hashes,
 * verifies, and commits to PostgreSQL; its clients are a process of their own.
 */
export async function throughOneNode({ isShort }: RunScale): Promise<readonly Row[]> {
  const bytes = isShort ? 64 * mib : 256 * mib
  const rounds = isShort ? { rounds: 1, warmUps: 0 } : { rounds: 7 }
  const ceph = await CephCluster.start()
  const postgres = await PostgresServer.start()
  try {
    const place = await createBucket(ceph)
    return await measure(place, postgres.url(), bytes, rounds)
  } finally {
    await postgres.stop()
    await ceph.stop()
  }
}

async function measure(
  place: S3Place,
  catalog: string,
  bytes: number,
  rounds: Rounds,
): Promise<readonly Row[]> {
  await using stage = await Stage.open()
  const alone = new S3Alone(place, objectBytes, concurrency)
  const node = await OneNode.start(stage, place, catalog, concurrency)
  const keys = await alone.put(bytes)
  const paths = await node.fill(bytes / concurrency)
  const puts = await interleaved(
    { ours: () => node.put(bytes / concurrency), alone: () => rateOf(bytes, alone.put(bytes)) },
    rounds,
  )
  const gets = await interleaved(
    { ours: () => node.get(paths, bytes / concurrency), alone: () => rateOf(bytes, alone.get(keys)) },
    rounds,
  )
  alone.close()
  const work = `${concurrency} clients, ${sizeName(bytes / concurrency)} each`
  return [
    comparison(puts, 'ours', 'alone', { ...common, work: `PUT, ${work}` }),
    comparison(gets, 'ours', 'alone', { ...common, work: `GET, ${work}` }),
  ]
}

async function rateOf(bytes: number, moved: Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await moved
  return bytes / (performance.now() - begun) / 1000
}

async function createBucket({ settings: { endpoint, credentials } }: CephCluster): Promise<S3Place> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const bucket = 'bench'
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return { endpoint, bucket, credentials }
}
