import type { Client } from './client.ts'
import * as files from './file-actions.ts'
import * as uploads from './upload-actions.ts'

type Action = (client: Client) => Promise<void>

/** What is done so many times of a hundred. */
const mix: readonly (readonly [number, Action])[] = [
  [25, files.put],
  [5, files.putBrokenOff],
  [5, files.putOnCondition],
  [9, files.deleteFile],
  [8, files.rename],
  [5, files.postForm],
  [5, files.readOwn],
  [10, files.readShared],
  [20, uploads.uploadSome],
  [3, uploads.terminate],
  [5, uploads.join],
]

/**
 * Lets a client do one thing after the other, as its dice say, until the signal, or something
 * fails.
 */
export async function load(client: Client, signal: AbortSignal, onDone: () => void): Promise<void> {
  while (!signal.aborted) {
    await nextAction(client)(client)
    onDone()
  }
}

function nextAction({ dice }: Client): Action {
  let left = dice.int(0, 100)
  for (const [share, action] of mix) {
    if (left < share) return action
    left -= share
  }
  throw new Error('the shares do not add up to a hundred')
}
