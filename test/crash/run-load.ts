import type { Found } from './check-server.ts'
import { Client } from './client.ts'
import type { CrashingServer } from './crashing-server.ts'
import type { Dice } from './dice.ts'
import type { History } from './history.ts'
import { load } from './load.ts'
import type { Upload } from './upload.ts'
import { Violation } from './violation.ts'

const clientCount = 5
/** Within which a server that has been killed is seen to be gone. */
const goneWithinMs = 5000

export function createClients(history: History, dice: Dice): readonly Client[] {
  return Array.from(
    { length: clientCount },
    (_, index) => new Client(`client-${index}`, history, dice.for(`client ${index}`)),
  )
}

/**
 * After a crash: the clients go on from what was found, and whatever they never had an answer to is
 * over.
 */
export function settle(history: History, clients: readonly Client[], { states, offsets }: Found): void {
  for (const { uploads } of clients)
    for (const upload of uploads) settleUpload(history, upload, offsets.get(upload))
  history.settle(states)
}

function settleUpload(history: History, upload: Upload, offset: number | undefined): void {
  const { termination } = upload
  if (termination && !termination.ended) history.end(termination, offset === undefined ? 'done' : 'nothing')
  if (offset === undefined) return
  upload.termination = undefined
  upload.acknowledge(offset, history.now().at)
}

/**
 * Lets all clients work, and calls `end` when they have done so many things together: it kills the
 * server, or stops the clients. Resolves when nobody works any more. Rejects with whatever fails
 * while the server lives, with every violation, and if the server reports errors.
 */
export async function runLoad(
  clients: readonly Client[],
  server: CrashingServer,
  actions: number,
  end: (stop: () => void) => Promise<void> | void,
): Promise<void> {
  const abort = new AbortController()
  const { promise: enough, resolve: suffice } = Promise.withResolvers<void>()
  const port = await server.port
  let left = actions
  const work = clients.map(async (client) => {
    client.port = port
    try {
      await load(client, abort.signal, () => {
        left--
        if (left <= 0) suffice()
      })
    } catch (error) {
      // Others must not go on with a store that is wrong, or gone.
      abort.abort()
      suffice()
      if (error instanceof Violation || !(await isGone(server))) throw error
    }
  })
  if (actions > 0) await enough
  if (!abort.signal.aborted) await end(() => abort.abort())
  for (const outcome of await Promise.allSettled(work))
    if (outcome.status === 'rejected') throw outcome.reason
  server.expectNoErrors()
}

/** Whether the server has been killed, or is seen to be within a while. */
export async function isGone(server: CrashingServer): Promise<boolean> {
  const { promise: tooLate, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), goneWithinMs)
  try {
    return await Promise.race([server.exited.then(() => true), tooLate])
  } finally {
    clearTimeout(timer)
  }
}
