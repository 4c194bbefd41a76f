import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CephCluster } from '../cluster/ceph-cluster.ts'
import { PostgresServer } from '../cluster/postgres-server.ts'
import { ClusterPlace } from './cluster-place.ts'
import { killRoundsAt } from './kill-rounds.ts'
import type { Tally } from './tally.ts'

const bucket = 'crashes'

/** The same over Ceph and PostgreSQL, which go on: it is nodes that are killed. */
export async function clusterRounds(seed: string, from: number, to: number, tally: Tally): Promise<void> {
  const ceph = await CephCluster.start()
  const postgres = await PostgresServer.start()
  try {
    await createBucket(ceph)
    let places = 0
    const openPlace = () => ClusterPlace.open(ceph, `s3://${bucket}/${places++}`, postgres)
    await killRoundsAt('cluster', openPlace, seed, from, to, tally)
  } finally {
    await postgres.stop()
    await ceph.stop()
  }
}

async function createBucket({ settings: { endpoint, credentials } }: CephCluster): Promise<void> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
}
