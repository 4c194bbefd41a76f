import { once } from 'node:events'
import { statSync } from 'node:fs'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { isStoreError } from '../../model/errors.ts'

/** So many bytes are compared while others wait: it takes a few milliseconds, and a thread takes longer to start. */
const mostBytesBesideOthers = 4 * 1024 * 1024

/** Resolves with what is wrong with the database at the path; `beside` asks the thread that others use. */
export async function verifyDatabase(
  path: string,
  beside: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    const bytes = statSync(path).size
    return bytes <= mostBytesBesideOthers ? await beside() : await onThreadOfItsOwn(path)
  } catch (error) {
    // SQLite gives up where it cannot even read the tables' names.
    if (isStoreError(error, 'corrupt')) return [error.message]
    throw error
  }
}

async function onThreadOfItsOwn(path: string): Promise<readonly string[]> {
  // The same extension as this file: .ts from source, .js once built.
  const url = new URL(`integrity-worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(url, { workerData: path, name: 'catalog integrity' })
  const [faults] = (await once(worker, 'message')) as [readonly string[]]
  await worker.terminate()
  return faults
}
