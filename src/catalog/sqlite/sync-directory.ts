import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Without it a power cut could take away a file that was just created. */
export function syncDirectory(path: string): void {
  // Windows cannot open directories, and keeps their entries in its own journal.
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
