import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { FileStore } from '../files/file-store.ts'

interface EndedRequest {
  readonly method: string
  readonly status: number
  readonly ms: number
  readonly received: number
  readonly sent: number
  readonly isComplete: boolean
}

export interface HttpMetrics {
  readonly registry: Registry
  begin(): void
  end(request: EndedRequest): void
  /** A stalled client lost its connection. */
  cutOff(): void
}

const methods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

/** What `/metrics` shows, in a registry of its own. */
export function createMetrics(store: FileStore): HttpMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
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
  gauge('ashlar_chunks_storing', 'Chunks being stored', () => store.storing.running)
  gauge('ashlar_chunks_waiting', 'Chunks that wait to be stored', () => store.storing.waiting)
  gauge('ashlar_blocks_reading', 'Blocks being read', () => store.reading.running)
  gauge('ashlar_blocks_waiting', 'Blocks that wait to be read', () => store.reading.waiting)
  gauge('ashlar_files_open', 'Files being downloaded', () => store.openFiles.inUse.length)

  return {
    registry,
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
  }
}
