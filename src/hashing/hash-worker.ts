import { parentPort } from 'node:worker_threads'
import { BlockHasher } from '../model/hashers.ts'
import type { HashCall, HashReply } from './messages.ts'

const port = parentPort!
const hasher = new BlockHasher()

port.on('message', ({ id, memory, spans }: HashCall) => {
  for (const { start, end } of spans) hasher.update(Buffer.from(memory, start, end - start))
  // Node cuts small buffers from a shared one, and sending such a buffer would copy all of it.
  const digests = new Uint8Array(hasher.finish())
  port.postMessage({ id, digests } satisfies HashReply, [digests.buffer])
})
