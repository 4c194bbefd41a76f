import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { FileStore } from '../../files/state/file-store.ts'

export interface EndedRequest {
  readonly method: string
  readonly status: number
  readonly ms: number
  readonly received: number
  readonly sent: number
  readonly isComplete: boolean
}

export interface HttpMetrics {
  readonly registry: Registry
  /** Shows a number that is read each time. */
  watch(name: string, help: string, read: () => number | Promise<number>): void
  begin(): void
  end(request: EndedRequest): void
  /** A stalled client lost its connection. */
  cutOff(): void
  collected(garbage: { readonly uploads: number; readonly chunks: number; readonly bytes: number }): void
  foundOrphans(count: number): void
  /** A chunk was read by the scrub. */
  scrubbed(bytes: number): void
  /** The scrub rewrote a manifest. */
  mendedManifest(): void
}

const methods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

/** The metrics of a server, in a registry of their own. */
export function createMetrics(store: FileStore): HttpMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read())
      },
    })

  const running = new Gauge({
    name: 'ashlar_requests_running',
    help: 'Requests that have begun and not ended',
    registers,
  })
  const requests = new Histogram({
    name: 'ashlar_request_seconds',
    help: 'Time from the headers of a request to the end of its answer',
    labelNames: ['method', 'status'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600],
    registers,
  })
  const received = counter('ashlar_received_bytes_total', 'Bytes that came from clients')
  const sent = counter('ashlar_sent_bytes_total', 'Bytes that went to clients')
  const broken = counter(
    'ashlar_requests_broken_total',
    'Requests whose connection ended before their answer',
  )
  const stalled = counter('ashlar_clients_cut_off_total', 'Clients cut off because they made no progress')
  gauge('ashlar_buffer_leased_bytes', 'Bytes of buffers in use', () => store.pool.leasedBytes)
  gauge('ashlar_buffer_max_bytes', 'Bytes of buffers at most', () => store.pool.maxBytes)
  gauge('ashlar_buffer_waiting', 'Pipelines that wait for a buffer', () => store.pool.waiting)
  gauge('ashlar_hot_bytes', 'Bytes of small files in memory', () => store.smallFiles.bytes)
  gauge('ashlar_chunks_storing', 'Chunks being stored', () => store.storing.running)
  gauge('ashlar_chunks_waiting', 'Chunks that wait to be stored', () => store.storing.waiting)
  gauge('ashlar_blocks_reading', 'Blocks being read', () => store.reading.running)
  gauge('ashlar_blocks_waiting', 'Blocks that wait to be read', () => store.reading.waiting)
  gauge('ashlar_catalog_damaged', '1 if the catalog was found to be damaged', () =>
    Number(store.health.isDamaged),
  )
  gauge('ashlar_files_open', 'Files being downloaded', () => store.activeDownloads.inUse.length)

  if (store.options.freeBytes) {
    const free = () => store.freeSpace.free().catch(() => NaN)
    gauge('ashlar_free_bytes', 'Bytes that may still be written above --min-free-space', free)
  }

  const collectedUploads = counter('ashlar_collected_uploads_total', 'Expired uploads that were deleted')
  const collectedChunks = counter('ashlar_collected_chunks_total', 'Chunks that were deleted')
  const collectedBytes = counter('ashlar_collected_bytes_total', 'Bytes of chunks that were deleted')
  const orphans = counter('ashlar_orphans_found_total', 'Chunks found that the catalog had never heard of')
  const scrubbedChunks = counter('ashlar_scrubbed_chunks_total', 'Chunks verified in the background')
  const scrubbedBytes = counter('ashlar_scrubbed_bytes_total', 'Bytes verified in the background')
  const mendedManifests = counter(
    'ashlar_manifests_mended_total',
    'Manifests that were damaged or missing and were written anew',
  )
  registry.registerMetric(notSoundGauge(store))

  return {
    registry,
    watch: (name, help, read) => void gauge(name, help, read),
    begin: () => running.inc(),
    end(request) {
      running.dec()
      const method = methods.has(request.method) ? request.method : 'other'
      requests.observe({ method, status: String(request.status) }, request.ms / 1000)
      received.inc(Math.max(0, request.received))
      sent.inc(Math.max(0, request.sent))
      if (!request.isComplete) broken.inc()
    },
    cutOff: () => stalled.inc(),
    collected({ uploads, chunks, bytes }) {
      collectedUploads.inc(uploads)
      collectedChunks.inc(chunks)
      collectedBytes.inc(bytes)
    },
    foundOrphans: (count) => orphans.inc(count),
    scrubbed(bytes) {
      scrubbedChunks.inc()
      scrubbedBytes.inc(bytes)
    },
    mendedManifest: () => mendedManifests.inc(),
  }
}

/** Asks the catalog each time, so mended or collected chunks no longer count. */
function notSoundGauge({ catalog }: FileStore): Gauge {
  return new Gauge({
    name: 'ashlar_chunks_not_sound',
    help: 'Chunks that were damaged or missing when they were last verified',
    labelNames: ['condition'],
    registers: [],
    async collect() {
      // If the catalog does not answer, the other numbers are needed most: show no number instead.
      const counts = await catalog.countNotSound().catch(() => ({ damaged: NaN, missing: NaN }))
      for (const [condition, count] of Object.entries(counts)) this.set({ condition }, count)
    },
  })
}
