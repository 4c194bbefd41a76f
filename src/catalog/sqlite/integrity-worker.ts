import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { findFaults } from './find-faults.ts'

// A thread of its own: to compare a large database with itself takes seconds to minutes.
const database = new DatabaseSync(String(workerData), { readOnly: true, timeout: 5000 })
try {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
  parentPort!.postMessage(findFaults(database))
} finally {
  database.close()
}
