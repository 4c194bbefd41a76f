import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Database } from '../sql/dialect.ts'
import { methods } from '../sql/methods.ts'
import { openReader, openWriter, type OpenDatabase } from './connection.ts'
import { engineMethods } from './engine-methods.ts'
import { failureOf } from './failures.ts'
import { outcomeOf, type Outcome } from './group-commit.ts'
import type { Call, Calls, Replies, Reply, ThreadSettings } from './messages.ts'

type Method = (db: Database, ...args: readonly unknown[]) => Promise<unknown>

const { role, path, maxCheckedBytes } = workerData as ThreadSettings
const allMethods = { ...methods, ...engineMethods } as unknown as Readonly<Record<string, Method>>
// Many writes share a sync. Reads share nothing, and a batch is answered as a whole.
const mostTogether = role === 'writer' ? 256 : 16
const port = parentPort!
const arrived: Call[] = []
let connection: OpenDatabase | undefined
let isServing = false

port.on('message', (calls: Calls) => {
  arrived.push(...calls)
  if (!isServing) void serve()
})

async function serve(): Promise<void> {
  isServing = true
  for (let calls = takeArrived(); calls.length > 0; calls = takeArrived()) {
    const outcomes = await run(calls)
    const replies = calls.map((call, index) => replyOf(call, outcomes[index]!))
    port.postMessage({ replies, committed: connection?.transactions.committed ?? 0 } satisfies Replies)
  }
  isServing = false
}

/** All calls sent so far, without waiting for the event loop. */
function takeArrived(): readonly Call[] {
  while (arrived.length < mostTogether) {
    const next = receiveMessageOnPort(port)
    if (!next) break
    arrived.push(...(next.message as Calls))
  }
  return arrived.splice(0, mostTogether)
}

async function run(calls: readonly Call[]): Promise<readonly Outcome[]> {
  const [first] = calls
  if (first?.method === 'open') return [await outcomeOf(open)]
  if (first?.method === 'close') return [await outcomeOf(close)]
  const { db, transactions } = connection!
  return transactions.run(
    calls.map(
      ({ method, args, now }) =>
        () =>
          allMethods[method]!(now === undefined ? db : { ...db, now }, ...args),
    ),
  )
}

async function open(): Promise<void> {
  connection = role === 'writer' ? await openWriter(path, maxCheckedBytes) : openReader(path)
}

async function close(): Promise<void> {
  // The thread ends when it no longer listens.
  port.unref()
  connection?.close()
}

function replyOf({ id }: Call, outcome: Outcome): Reply {
  return outcome.status === 'fulfilled'
    ? { id, value: outcome.value }
    : { id, failure: failureOf(outcome.reason, outcome.isUndone) }
}
