import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOfBlock } from '../src/model/digest.ts'
import { pipelineOverhead, type Overhead } from './pipeline-overhead.ts'

const kib = 1024
const mib = 1024 * kib
const fileBytes = 256 * mib
const concurrency = 5

/** What a block goes through before it is gone: nothing, or what every download does. */
const writers = { raw: () => {}, verified: digestOfBlock }

const directory = await mkdtemp(join(tmpdir(), 'ashlar-bench-'))
try {
  const file = await open(join(directory, 'blocks'), 'w+')
  try {
    await fill(file)
    const table: Record<string, object> = {}
    for (const blockBytes of [64 * kib, mib, 8 * mib]) {
      const buffers = Array.from({ length: concurrency }, () => Buffer.alloc(blockBytes))
      for (const [kind, write] of Object.entries(writers)) {
        const name = `${kind}, ${blockBytes / kib} KiB`
        const pass = { fd: file.fd, blocks: fileBytes / blockBytes, buffers, write }
        table[name] = rowOf(await pipelineOverhead(name, pass), blockBytes)
      }
    }
    console.log(
      `\nconcatMapEager against a loop written by hand, N = ${concurrency}; wanted from 1 MiB on: 1.05`,
    )
    console.table(table)
  } finally {
    await file.close()
  }
} finally {
  await rm(directory, { recursive: true })
}

async function fill(file: FileHandle): Promise<void> {
  const bytes = Buffer.alloc(8 * mib, 'ashlar')
  for (let at = 0; at < fileBytes; at += bytes.length) await file.write(bytes, 0, bytes.length, at)
}

function rowOf({ loopUs, operatorUs, ratios }: Overhead, blockBytes: number): object {
  const { low, median, high } = ratios
  return {
    'loop µs/block': loopUs.toFixed(1),
    'operator µs/block': operatorUs.toFixed(1),
    'operator GB/s': (blockBytes / operatorUs / 1000).toFixed(1),
    ratio: median.toFixed(3),
    'ratio, quartiles': `${low.toFixed(3)}–${high.toFixed(3)}`,
  }
}
