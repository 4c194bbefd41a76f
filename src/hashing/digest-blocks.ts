import { availableParallelism } from 'node:os'
import { BlockHasher } from '../model/hashers.ts'
import { HashThread } from './hash-thread.ts'
import type { Span } from './messages.ts'

/** Handing less than this to a thread takes longer than hashing it. */
const worthwhileBytes = 128 * 1024

/** The event loop keeps one core, and more threads would compete for memory bandwidth. */
const mostThreads = Math.min(4, Math.max(1, availableParallelism() - 1))

let threads: readonly HashThread[] = []

/**
 * Concatenates the pieces, cuts them into blocks, and resolves with the raw digests of the blocks,
 * one after the other (n × 32 bytes). Threads do the work if all pieces lie in one shared memory,
 * there are enough of them, and `mayUseThread` agrees. The pieces must not change until this
 * resolves: otherwise the digests are meaningless.
 */
export async function digestBlocks(
  pieces: readonly Uint8Array[],
  mayUseThread: () => boolean = () => true,
): Promise<Uint8Array> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0)
  const memory = pieces[0]?.buffer
  const isShared = memory instanceof SharedArrayBuffer && pieces.every(({ buffer }) => buffer === memory)
  return size >= worthwhileBytes && isShared && mayUseThread()
    ? idlest().digestBlocks(memory, spansOf(pieces))
    : digestHere(pieces)
}

function digestHere(pieces: readonly Uint8Array[]): Uint8Array {
  const hasher = new BlockHasher()
  for (const piece of pieces) hasher.update(piece)
  return hasher.finish()
}

/** Joins adjacent pieces, because long runs are hashed nearly twice as fast. */
function spansOf(pieces: readonly Uint8Array[]): readonly Span[] {
  const spans: { start: number; end: number }[] = []
  for (const { byteOffset: start, length } of pieces) {
    const last = spans.at(-1)
    if (last?.end === start) last.end += length
    else spans.push({ start, end: start + length })
  }
  return spans
}

/** Replaces threads that have died; their pending calls have been rejected. */
function idlest(): HashThread {
  threads = threads.filter(({ isDead }) => !isDead)
  const idle = threads.find(({ waiting }) => waiting === 0)
  if (idle) return idle
  if (threads.length < mostThreads) {
    const thread = new HashThread()
    threads = [...threads, thread]
    return thread
  }
  return threads.reduce((best, thread) => (thread.waiting < best.waiting ? thread : best))
}
