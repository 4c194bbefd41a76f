import { read } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOfBlock } from '../src/model/hashers.ts'
import { passByLoop, passByOperator } from './block-pass.ts'
import { comparison } from './interleaved.ts'
import { inTemporaryDirectory } from './in-temporary-directory.ts'
import { interleavedPasses } from './interleaved-passes.ts'
import type { Row, RunScale } from './row.ts'

const kib = 1024
const mib = 1024 * kib
const fileBytes = 256 * mib
const concurrency = 5
const mostFrom1MiB = 1.05

/** What a block goes through before it is gone: nothing, or what every download does. */
const writers = { raw: () => {}, verified: digestOfBlock }

/** What `concatMapEager` costs over a loop written by hand, for one block. */
export function pipelineOverhead(scale: RunScale): Promise<readonly Row[]> {
  return inTemporaryDirectory(async (directory) => {
    const file = await open(join(directory, 'blocks'), 'w+')
    try {
      await fill(file)
      return await measure(file.fd, scale)
    } finally {
      await file.close()
    }
  })
}

async function measure(fd: number, { isShort }: RunScale): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const blockBytes of [64 * kib, mib, 8 * mib]) {
    const buffers = Array.from({ length: concurrency }, () => Buffer.alloc(blockBytes))
    for (const [kind, write] of Object.entries(writers)) {
      const pass = {
        blocks: fileBytes / blockBytes,
        buffers,
        read: (block: number, into: Buffer, done: (error: Error | null) => void) =>
          read(fd, into, 0, into.length, block * into.length, done),
        write,
      }
      const work = `blocks of ${blockBytes / kib} KiB, ${kind}`
      const alternatives = { operator: () => passByOperator(pass), loop: () => passByLoop(pass) }
      const rounds = isShort ? { rounds: 1, seconds: 0.02 } : { rounds: 15, seconds: 0.15 }
      const passes = await interleavedPasses(work, alternatives, rounds)
      const row = comparison(
        passes.map((us) => us / pass.blocks),
        'operator',
        'loop',
        {
          suite: 'pipeline overhead',
          work,
          against: `a loop by hand, N = ${concurrency}`,
          unit: 'µs',
        },
      )
      rows.push(blockBytes < mib ? row : { ...row, target: { atMost: mostFrom1MiB } })
    }
  }
  return rows
}

async function fill(file: FileHandle): Promise<void> {
  const bytes = Buffer.alloc(8 * mib, 'ashlar')
  for (let at = 0; at < fileBytes; at += bytes.length) await file.write(bytes, 0, bytes.length, at)
}
