import type { TestProject } from 'vitest/node'
import { CephCluster, type CephSettings } from './ceph-cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly ceph: CephSettings
  }
}

/** One Ceph for all tests of a run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const ceph = await CephCluster.start()
  project.provide('ceph', ceph.settings)
  return () => ceph.stop()
}
