import { availableParallelism } from 'node:os'
import { BlockHasher } from '../model/hashers.ts'
import { HashThread } from './hash-thread.ts'
import type { Span } from './messages.ts'

/** Below this, handing work over takes longer than doing it. */
const worthwhileBytes = 128 * 1024

/** One is left to the event loop; more would take the memory's bandwidth from each other. */
const mostThreads = Math.min(4, Math.max(1, availableParallelism() - 1))

let threads: readonly HashThread[] = []

/**
 * The raw digests, one after the other (n × 32 bytes), of the blocks that these pieces are when
 * laid in order. Much of it is done on threads of the process beside the event loop, if all pieces
 * are of one shared memory; they must stay as they are until this resolves. Who lets them change
 * will get some digest, of no bytes in particular. Where a thread would serve, `mayUseThread`
 * decides.
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

/** What lies side by side is taken together: long runs are hashed nearly twice as fast. */
function spansOf(pieces: readonly Uint8Array[]): readonly Span[] {
  const spans: { start: number; end: number }[] = []
  for (const { byteOffset: start, length } of pieces) {
    const last = spans.at(-1)
    if (last?.end === start) last.end += length
    else spans.push({ start, end: start + length })
  }
  return spans
}

/** One that has died, which rejects what it was asked, makes room for another. */
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
