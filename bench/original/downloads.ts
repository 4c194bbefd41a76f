import { open, type FileHandle } from 'node:fs/promises'
import { read } from 'node:fs'
import { Writable } from 'node:stream'
import { concatMap, EMPTY, lastValueFrom, type Observable } from 'rxjs'
import type { ChunkStore } from '../../src/chunks/chunk-store.ts'
import { verifying } from '../../src/chunks/wrappers/verifying.ts'
import { download, openFile } from '../../src/files/download/download.ts'
import { ClientSpeed } from '../../src/files/download/client-speed.ts'
import type { FileChunk } from '../../src/model/chunk.ts'
import { BufferPool, type Lease } from '../../src/buffers/buffer-pool.ts'
import { concatMapEager } from '../../src/rx/concat-map-eager.ts'
import { Pulled } from '../../src/rx/pulled.ts'
import { benchFileStore } from '../bench-file-store.ts'
import { passByLoop } from '../block-pass.ts'
import { delayed } from './delayed.ts'
import type { Experiment } from './experiment.ts'
import { localCaller } from '../../src/model/principal.ts'

const mib = 1024 * 1024

/** One way to download the file of an experiment to nowhere, again and again. */
export type Run = () => Promise<void>

export type Loop = (n: number, delay?: Delay) => Run

interface PlannedRead {
  readonly chunk: FileChunk
  readonly offset: number
}

/** What a read costs besides itself. */
export interface Delay {
  readonly delayMs: number
}

/**
 * The operator, the buffer pool and the chunk store on disk, without verifying; `n` reads are held,
 * each of a block or, where chunks are smaller, of a chunk.
 */
export function byOperator(experiment: Experiment, n: number, { delayMs }: Delay = { delayMs: 0 }): Run {
  const { list, readBytes } = experiment
  const chunks = withDelay(experiment.chunks, delayMs)
  const pool = new BufferPool(n * readBytes)
  const readBlock = ({ chunk, offset }: PlannedRead): Observable<Lease> =>
    pool
      .lease(readBytes)
      .pipe(concatMap((lease) => chunks.read(chunk.location, offset, lease.bytes, chunk).then(() => lease)))
  return () => {
    const planned = new Pulled(plan(list, readBytes))
    const written = planned.pipe(concatMapEager(n, readBlock, writeNowhere, planned.pull))
    return lastValueFrom(written, { defaultValue: undefined })
  }
}

/**
 * All that the server does but for HTTP: looks the file up in the catalog, plans, takes turns,
 * reads, verifies if asked to, and writes to a stream, which takes everything at the end of the
 * tick, as one client that keeps up.
 */
export function byVerb(
  experiment: Experiment,
  n: number,
  { isVerified, delayMs }: { readonly isVerified: boolean } & Delay,
): Run {
  const { catalog, manifests, readBytes, file } = experiment
  const chunks = withDelay(experiment.chunks, delayMs)
  const store = benchFileStore(
    { catalog, chunks: isVerified ? verifying(chunks) : chunks, manifests },
    {
      maxDownloadConcurrencyPerFile: n,
      maxDownloadConcurrency: Math.max(32, n),
      maxBufferMemory: Math.max(128 * mib, 2 * n * readBytes),
    },
  )
  const speed = new ClientSpeed()
  return async () => {
    const opened = await openFile(store, localCaller, { name: file.name })
    if (!opened) throw new Error('the file is gone')
    const output = new Writable({ write: (_bytes, _encoding, done) => process.nextTick(done) })
    const written = download(store, opened.file, { start: 0, end: file.size }, output, speed)
    await lastValueFrom(written, { defaultValue: undefined })
    opened.close()
  }
}

/**
 * The least that can be done: a sliding window of `n` reads by hand, into buffers that are reused,
 * of files that stay open.
 */
export async function withLoop<T>(
  { paths, readBytes, chunkBytes, file }: Experiment,
  use: (byLoop: Loop) => Promise<T>,
): Promise<T> {
  const files: FileHandle[] = []
  try {
    for (const path of paths) files.push(await open(path))
    const readBlock = (block: number, into: Buffer, done: (error: Error | null) => void) => {
      const at = block * readBytes
      read(files[Math.floor(at / chunkBytes)]!.fd, into, 0, readBytes, at % chunkBytes, done)
    }
    return await use((n, { delayMs } = { delayMs: 0 }) => {
      const pass = {
        blocks: file.size / readBytes,
        buffers: Array.from({ length: n }, () => Buffer.alloc(readBytes)),
        read:
          delayMs === 0
            ? readBlock
            : (...block: Parameters<typeof readBlock>) => void setTimeout(readBlock, delayMs, ...block),
        write: () => {},
      }
      return () => passByLoop(pass)
    })
  } finally {
    for (const each of files) await each.close()
  }
}

function writeNowhere(lease: Lease): Observable<never> {
  lease.release()
  return EMPTY
}

function withDelay(chunks: ChunkStore, delayMs: number): ChunkStore {
  return delayMs === 0 ? chunks : delayed(chunks, delayMs)
}

function* plan(list: readonly FileChunk[], readBytes: number): Generator<PlannedRead> {
  for (const chunk of list) {
    for (let offset = 0; offset < chunk.size; offset += readBytes) yield { chunk, offset }
  }
}
