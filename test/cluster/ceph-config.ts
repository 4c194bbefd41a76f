import { join } from 'node:path'

export interface CephPlace {
  readonly directory: string
  readonly fsid: string
  readonly monPort: number
  readonly gatewayPort: number
}

/** A cluster on one machine, on loopback, that notices a dead daemon soon. */
export function cephConfig({ directory, fsid, monPort, gatewayPort }: CephPlace): string {
  const at = (...path: readonly string[]) => join(directory, ...path)
  return sections({
    global: {
      fsid,
      mon_host: `v2:127.0.0.1:${monPort}/0`,
      // The older protocol would want ports of its own.
      ms_bind_msgr1: false,
      // Nobody but this machine can connect. Without keys there is nothing to encrypt with either.
      auth_cluster_required: 'none',
      auth_service_required: 'none',
      auth_client_required: 'none',
      ms_mon_cluster_mode: 'crc',
      ms_mon_service_mode: 'crc',
      ms_mon_client_mode: 'crc',
      run_dir: at('run'),
      crash_dir: at('crash'),
      log_file: at('log', '$name.log'),
      log_to_stderr: false,
      admin_socket: at('run', '$name.asok'),
      osd_pool_default_size: 3,
      osd_pool_default_min_size: 2,
      osd_pool_default_pg_num: 8,
      osd_pool_default_pgp_num: 8,
      osd_pool_default_pg_autoscale_mode: 'off',
      // Copies go to three OSDs, not to three machines.
      osd_crush_chooseleaf_type: 0,
      // The monitor reads these, too.
      osd_heartbeat_interval: 1,
      osd_heartbeat_grace: 4,
    },
    client: { admin_socket: '', log_file: '' },
    mon: {
      mon_data: at('mon'),
      mon_cluster_log_file: at('log', 'cluster.log'),
      // With three OSDs one reporter has to do, and the grace must not grow with each failure that
      // a test makes.
      mon_osd_min_down_reporters: 1,
      mon_osd_reporter_subtree_level: 'osd',
      mon_osd_adjust_heartbeat_grace: false,
      mon_osd_down_out_interval: 0,
      // A disk that is nearly full with other things is no concern of the tests.
      mon_data_avail_warn: 2,
      mon_data_avail_crit: 1,
      mon_max_pg_per_osd: 1000,
      // There is no second monitor to gather changes for.
      paxos_propose_interval: 0.1,
      paxos_min_wait: 0.02,
    },
    osd: {
      osd_data: at('osd.$id'),
      public_addr: '127.0.0.1',
      cluster_addr: '127.0.0.1',
      osd_crush_initial_weight: 1,
      // A sparse file.
      bluestore_block_size: 20 * 1024 ** 3,
      bluestore_block_create: true,
      bluestore_cache_autotune: false,
      bluestore_cache_size: 128 * 1024 ** 2,
      osd_memory_target_autotune: false,
      osd_op_num_shards: 2,
      osd_op_num_threads_per_shard: 2,
    },
    'client.gateway': {
      rgw_data: at('gateway'),
      log_file: at('log', '$name.log'),
      rgw_frontends: `beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1`,
      rgw_enable_apis: 's3, admin',
      rgw_thread_pool_size: 64,
      rgw_run_sync_thread: false,
      // A usage that it remembers would let more through than a test allows.
      rgw_bucket_quota_ttl: 0,
    },
  })
}

type Settings = Readonly<Record<string, string | number | boolean>>

function sections(all: Readonly<Record<string, Settings>>): string {
  let text = ''
  for (const [name, settings] of Object.entries(all)) {
    text += `[${name}]\n`
    for (const [key, value] of Object.entries(settings)) text += `${key} = ${value}\n`
  }
  return text
}
